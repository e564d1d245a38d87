import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { Part } from "../../src/mail/part.ts";
import { timestampOrNull } from "../../src/mail/time.ts";
import { decodeBodies } from "../../src/mime/decode-body.ts";
import { decodeTransfer } from "../../src/mime/decode-transfer.ts";
import { parseHeaders, references } from "../../src/mime/headers.ts";
import { parseEnvelope } from "../../src/mime/parse-envelope.ts";
import { parseRaw } from "../../src/mime/parse-raw.ts";
import { attachments, bodyParts, findPart } from "../../src/mime/walk.ts";
import type { Facts, FileFacts } from "../corpus/corpus.ts";
import { collect } from "./random.ts";

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}

/** A raw message read by all of the room, as a protocol without a BODYSTRUCTURE does. */
export async function readRaw(raw: Uint8Array): Promise<Facts> {
  const { envelope, warnings } = parseEnvelope(raw);
  const { structure, bodyOf } = parseRaw(raw);
  const octetsOf = (part: Part) => bodyOf(part) ?? new Uint8Array();
  const shown = bodyParts(structure);
  const bodies = [...shown.text, ...shown.html].map((part) => ({ part, bytes: octetsOf(part), truncated: false }));
  const content = await decodeBodies(bodies);
  const files = attachments(structure).map(async ({ id, filename, contentType, inline, size, encodedSize }) => {
    const part = findPart(structure, id.slice(4));
    if (part === null) throw new Error(`${id} is nowhere`);
    const octets = await collect(decodeTransfer(part.encoding, once(octetsOf(part))));
    expect(encodedSize).toBe(octetsOf(part).length);
    if (size !== undefined) expect(size).toBe(octets.length);
    const sha256 = createHash("sha256").update(octets).digest("hex");
    return { filename, contentType, sha256, octets: octets.length, inline } satisfies FileFacts;
  });
  return {
    ...envelope,
    date: timestampOrNull(envelope.date),
    references: references(parseHeaders(raw)),
    text: content.text,
    html: content.html,
    files: await Promise.all(files),
    warnings: [...new Set([...warnings, ...content.warnings])].toSorted(),
  };
}
