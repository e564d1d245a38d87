import { maxBodyBytes, type PartOctets } from "../mail/mailbox.ts";
import type { Part } from "../mail/part.ts";
import type { ParsedRaw } from "./parse-raw.ts";
import { bodyParts, calendarPart } from "./walk.ts";

/** Octets of all text parts of a message together; what lies beyond is left out and marked. */
export const maxBodiesBytes = 4 * maxBodyBytes;

export type Asked = { part: Part; length: number };

/** Octets of a calendar as it is encoded; base64 of the 1 MiB that is read of one (`calendarInvite`), and its line ends. */
const maxCalendarBytes = 1.5 * 1024 * 1024;

/** The parts that make a message's body, its calendar, and how many octets of each are read. */
export function askedParts(structure: Part): Asked[] {
  const { text, html } = bodyParts(structure);
  const calendar = calendarPart(structure);
  let budget = maxBodiesBytes;
  const bodies = [...text, ...html].map((part) => {
    const length = Math.min(maxBodyBytes, budget);
    budget -= Math.min(length, part.encodedSize);
    return { part, length };
  });
  return calendar === null ? bodies : [...bodies, { part: calendar, length: maxCalendarBytes }];
}

/** The same of a message that was parsed here; `bodyOf` may give less of one than there is. */
export function parsedBodies({ structure, bodyOf }: ParsedRaw): PartOctets[] {
  return askedParts(structure).map(({ part, length }) => {
    const bytes = (bodyOf(part) ?? new Uint8Array()).subarray(0, length);
    return { part, bytes, truncated: bytes.length < part.encodedSize };
  });
}
