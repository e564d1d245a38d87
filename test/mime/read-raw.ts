import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { PartOctets } from "../../src/mail/mailbox.ts";
import type { Part } from "../../src/mail/part.ts";
import { timestampOrNull } from "../../src/mail/time.ts";
import { parsedBodies } from "../../src/mime/asked-parts.ts";
import { decodeBodies } from "../../src/mime/decode-body.ts";
import { decodeTransfer } from "../../src/mime/decode-transfer.ts";
import { parseHeaders, references } from "../../src/mime/headers.ts";
import { parseEnvelope } from "../../src/mime/parse-envelope.ts";
import { parseRaw } from "../../src/mime/parse-raw.ts";
import { partOf } from "../../src/mime/part-of.ts";
import { readMessage } from "../../src/mime/read-message.ts";
import { attachments, findPart, isAttachment } from "../../src/mime/walk.ts";
import type { Facts, FileFacts } from "../corpus/corpus.ts";
import { collect } from "./random.ts";

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}

/** A raw message read by all of the room, as a protocol without a BODYSTRUCTURE does. */
export async function readRaw(raw: Uint8Array): Promise<Facts> {
  const { structure, bodyOf } = parseRaw(raw);
  const bodies = parsedBodies({ structure, bodyOf });
  return factsOf({ header: raw, structure, bodies }, (part) => once(bodyOf(part) ?? new Uint8Array()));
}

/** The same of a message that comes as a stream: once for all that it tells, and once more for each file. */
export async function readStream(open: () => AsyncIterable<Uint8Array>): Promise<Facts> {
  return factsOf(await readMessage(open()), async ({ section }) => {
    const { octets } = await partOf(open(), section, isAttachment);
    if (octets === null) throw new Error(`${section} has gone by`);
    return octets;
  });
}

type Read = { header: Uint8Array; structure: Part; bodies: PartOctets[] };

async function factsOf(
  read: Read,
  open: (part: Part) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>,
): Promise<Facts> {
  const { envelope, warnings } = parseEnvelope(read.header);
  const content = await decodeBodies(read.bodies);
  const files = attachments(read.structure).map(async ({ id, filename, contentType, inline, size, encodedSize }) => {
    const part = findPart(read.structure, id.slice(4));
    if (part === null) throw new Error(`${id} is nowhere`);
    const encoded = await collect(await open(part));
    const octets = await collect(decodeTransfer(part.encoding, once(encoded)));
    expect(encodedSize).toBe(encoded.length);
    if (size !== undefined) expect(size).toBe(octets.length);
    const sha256 = createHash("sha256").update(octets).digest("hex");
    return { filename, contentType, sha256, octets: octets.length, inline } satisfies FileFacts;
  });
  return {
    ...envelope,
    date: timestampOrNull(envelope.date),
    references: references(parseHeaders(read.header)),
    text: content.text,
    html: content.html,
    files: await Promise.all(files),
    warnings: [...new Set([...warnings, ...content.warnings])].toSorted(),
  };
}
