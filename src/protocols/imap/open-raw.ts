import { Failure } from "../../errors.ts";
import type { ByteRange } from "../../mail/mailbox.ts";
import type { Place } from "../../mail/message.ts";
import { brokeProtocol } from "./failures.ts";
import { openPlace } from "./open-place.ts";
import { fetchPartial, firstChunk, streamSection } from "./partial-fetch.ts";
import type { Session } from "./session.ts";
import { atom } from "./wire.ts";

/**
 * A message's raw octets as stored, in constant memory; `size` is the server's RFC822.SIZE. `done` is called once, when the
 * stream is over. Fails: `message-gone`, `range-not-satisfiable`.
 */
export async function openRaw(
  session: Session,
  place: Place,
  range: ByteRange | undefined,
  done: () => void,
): Promise<{ size: number; stream: AsyncIterable<Uint8Array> }> {
  const start = range?.start ?? 0;
  const end = range?.end ?? Infinity;
  assertRange(start, end);
  const asked = Math.min(firstChunk, end - start + 1);
  const source = { uid: place.uid, section: "" };
  const first = await openPlace(session, place, () =>
    fetchPartial(session, source, { offset: start, length: asked }, [atom("RFC822.SIZE")]),
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
  return { size, stream: streamSection(session, { ...source, start, end, announced }, { octets, asked }, done) };
}

function assertRange(start: number, end: number): void {
  const isWhole = Number.isSafeInteger(start) && (end === Infinity || Number.isSafeInteger(end));
  // RFC 9051 §9: a partial's numbers are of 32 bits.
  if (!isWhole || start < 0 || end < start || start >= 2 ** 32) {
    throw new Failure("range-not-satisfiable", "The range is not one of octets of a message.");
  }
}
