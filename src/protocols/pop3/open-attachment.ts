import type { ByteRange } from "../../mail/mailbox.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import { assertSection, type Part, type PartFacts } from "../../mail/part.ts";
import { assertRange, whole } from "../../mail/range.ts";
import { partOf } from "../../mime/part-of.ts";
import { isAttachment } from "../../mime/walk.ts";
import { type Call, numberOf } from "./call.ts";
import { cut } from "./cut.ts";
import { inTime, openMessage } from "./open-message.ts";

type Octets = AsyncIterableIterator<Uint8Array>;

/**
 * An attachment's octets as they are encoded, in constant memory: cut out of one RETR as it comes, which is left behind it.
 * Its size is known only at its end. The session waits for that. Fails `message-gone`, `not-found`.
 */
export async function openAttachment(
  call: Call,
  place: MaildropPlace,
  section: string,
  choose: (part: PartFacts) => ByteRange | null = () => whole,
): Promise<{ part: PartFacts; stream: AsyncIterable<Uint8Array> | null }> {
  assertSection(section);
  const number = await numberOf(call, place);
  const { found, octets } = await find(call, number, section);
  try {
    const { children: _children, ...header } = found;
    const part = { ...header, encodedSize: null };
    const range = choose(part);
    if (range === null) {
      await octets.return?.();
      return { part, stream: null };
    }
    assertRange(range);
    const kept = range.start === 0 && range.end === Infinity ? null : await inTime(call, octets, cut(octets, range));
    return { part, stream: kept && "stream" in kept ? kept.stream : octets };
  } catch (error) {
    await octets.return?.();
    throw error;
  }
}

/** Once more where it is a long text that only what comes behind it makes a file: it has gone by when that is known. */
async function find(
  call: Call,
  number: number,
  section: string,
  isMeant = isAttachment,
): Promise<{ found: Part; octets: Octets }> {
  const message = await openMessage(call, number);
  const { part, octets } = await inTime(call, message.octets, partOf(message.octets, section, isMeant));
  return octets ? { found: part, octets } : find(call, number, section, () => true);
}
