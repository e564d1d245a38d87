import type { ByteRange } from "../../mail/mailbox.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import { assertSection } from "../../mail/part.ts";
import { assertRange, whole } from "../../mail/range.ts";
import { partOf } from "../../mime/part-of.ts";
import { type Call, numberOf } from "./call.ts";
import { cut } from "./cut.ts";
import { inTime, openMessage } from "./open-message.ts";

/**
 * The octets of one MIME part as they are encoded, by its IMAP section path, in constant memory: cut out of one RETR as it
 * comes. The session waits for the stream's end. Fails `message-gone`; `not-found` when the message has no such part.
 */
export async function openPart(
  call: Call,
  place: MaildropPlace,
  section: string,
  range: ByteRange = whole,
): Promise<AsyncIterable<Uint8Array>> {
  assertSection(section);
  assertRange(range);
  const { octets } = await openMessage(call, await numberOf(call, place));
  const part = partOf(octets, section);
  const found = await inTime(call, octets, cut(part, range));
  return "stream" in found ? found.stream : part;
}
