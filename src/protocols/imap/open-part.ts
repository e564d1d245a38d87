import { Failure, invalid } from "../../errors.ts";
import type { Place } from "../../mail/message.ts";
import { findPart } from "../../mime/walk.ts";
import { brokeProtocol } from "./failures.ts";
import { openPlace } from "./open-place.ts";
import { fetchPartial, firstChunk, streamSection } from "./partial-fetch.ts";
import type { Session } from "./session.ts";
import { atom } from "./wire.ts";

/**
 * The octets of one MIME part as they are encoded, by its IMAP section path, in constant memory. `done` is called once,
 * when the stream is over. Fails: `message-gone`; `not-found` when the message has no such part.
 */
export async function openPart(
  session: Session,
  place: Place,
  section: string,
  done: () => void,
): Promise<AsyncIterable<Uint8Array>> {
  if (!/^[1-9]\d{0,4}(\.[1-9]\d{0,4}){0,99}$/.test(section)) {
    throw invalid("/attachmentId", "invalid-section", "A section path is numbers with dots between.");
  }
  const source = { uid: place.uid, section };
  const first = await openPlace(session, place, () =>
    fetchPartial(session, source, { offset: 0, length: firstChunk }, [atom("BODYSTRUCTURE")]),
  );
  const { structure } = first.row;
  const part = structure ? findPart(structure, section) : null;
  if ((structure && !part) || (!part && first.octets === null)) {
    throw new Failure("not-found", "The message has no such part.");
  }
  if (part && part.encodedSize > 0 && first.octets === null) {
    const where = { host: session.host, phase: "UID FETCH" };
    throw brokeProtocol("The mail server has the part and does not give it.", where);
  }
  const octets = first.octets ?? Buffer.alloc(0);
  const announced = part ? part.encodedSize : null;
  return streamSection(session, { ...source, start: 0, end: Infinity, announced }, { octets, asked: firstChunk }, done);
}
