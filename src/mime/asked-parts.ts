import { type Fetched, maxBodyBytes } from "../mail/mailbox.ts";
import type { Part } from "../mail/part.ts";
import type { ParsedRaw } from "./parse-raw.ts";
import { bodyParts } from "./walk.ts";

/** Octets of all text parts of a message together; what lies beyond is left out and marked. */
export const maxBodiesBytes = 4 * maxBodyBytes;

export type Body = NonNullable<Fetched["bodies"]>[number];
export type Asked = { part: Part; length: number };

/** The parts that make a message's body, and how many octets of each are read. */
export function askedParts(structure: Part): Asked[] {
  const { text, html } = bodyParts(structure);
  let budget = maxBodiesBytes;
  return [...text, ...html].map((part) => {
    const length = Math.min(maxBodyBytes, budget);
    budget -= Math.min(length, part.encodedSize);
    return { part, length };
  });
}

/** The text parts of a message that was parsed here; `bodyOf` may give less of one than there is. */
export function parsedBodies({ structure, bodyOf }: ParsedRaw): Body[] {
  return askedParts(structure).map(({ part, length }) => {
    const bytes = (bodyOf(part) ?? new Uint8Array()).subarray(0, length);
    return { part, bytes, truncated: bytes.length < part.encodedSize };
  });
}
