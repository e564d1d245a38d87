import { Failure } from "../../errors.ts";
import type { ByteRange } from "../../mail/mailbox.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import { assertRange, whole } from "../../mail/range.ts";
import { type Call, numberOf } from "./call.ts";
import { cut } from "./cut.ts";
import { inTime, openMessage } from "./open-message.ts";

/**
 * A message's raw octets as stored, in constant memory, out of one RETR: what lies before the range is skipped. `size` is
 * what the server tells. The session waits for the stream's end. Fails `message-gone`, `range-not-satisfiable`.
 */
export async function openRaw(
  call: Call,
  place: MaildropPlace,
  range: ByteRange = whole,
): Promise<{ size: number; stream: AsyncIterable<Uint8Array> }> {
  assertRange(range);
  const { size, octets } = await openMessage(call, await numberOf(call, place));
  const found = await inTime(call, octets, cut(octets, range));
  if ("stream" in found) return { size: size ?? 0, stream: found.stream };
  if (range.start === 0) return { size: size ?? 0, stream: octets };
  throw new Failure("range-not-satisfiable", "The range begins beyond the end of the message.", {
    extra: { size: found.endedAt },
  });
}
