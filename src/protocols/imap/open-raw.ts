import { Failure } from "../../errors.ts";
import type { ByteRange } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { assertRange, whole } from "../../mail/range.ts";
import { brokeProtocol } from "./failures.ts";
import { openPlace } from "./open-place.ts";
import { countable, fetchPartial, firstChunk, streamSection } from "./partial-fetch.ts";
import type { Session } from "./session.ts";
import { atom } from "./wire.ts";

/**
 * A message's raw octets as stored, in constant memory; `size` is the server's RFC822.SIZE. Fails: `message-gone`,
 * `range-not-satisfiable`.
 */
export async function openRaw(
  session: Session,
  place: ImapPlace,
  range: ByteRange = whole,
): Promise<{ size: number; stream: AsyncIterable<Uint8Array> }> {
  const { start, end } = range;
  assertRange(range, countable);
  const length = Math.min(firstChunk, end - start + 1);
  const first = await openPlace(session, place, () =>
    fetchPartial(session, { uid: place.uid, section: "" }, { offset: start, length }, [atom("RFC822.SIZE")]),
  );
  const octets = first.octets ?? Buffer.alloc(0);
  const size = first.row.size ?? start + octets.length;
  if (octets.length === 0 && size > start) {
    const where = { host: session.host, phase: "UID FETCH" };
    throw brokeProtocol("The mail server has the message and does not give it.", where);
  }
  if (octets.length === 0 && start > 0) {
    throw new Failure("range-not-satisfiable", "The range begins beyond the end of the message.", { extra: { size } });
  }
  const announced = first.row.size ?? null;
  return { size, stream: streamSection(session, { place, section: "", start, end, announced }, { ...first, octets }) };
}
