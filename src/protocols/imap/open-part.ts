import { Failure } from "../../errors.ts";
import type { ByteRange } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { findPart } from "../../mime/walk.ts";
import { brokeProtocol } from "./failures.ts";
import { openPlace } from "./open-place.ts";
import { parseWhole } from "./parse-whole.ts";
import { fetchPartial, firstChunk, streamSection } from "./partial-fetch.ts";
import type { Session } from "./session.ts";
import { atom } from "./wire.ts";

/**
 * The octets of one MIME part as they are encoded, by its IMAP section path, in constant memory. Fails: `message-gone`;
 * `not-found` when the message has no such part; `range-not-satisfiable`.
 */
export async function openPart(
  session: Session,
  place: ImapPlace,
  section: string,
  range: ByteRange,
): Promise<AsyncIterable<Uint8Array>> {
  const { start, end } = range;
  const known = session.known(place.path, place.uidValidity).facts(place.uid);
  if (known?.isParsedHere) return openParsed(session, place, section, range);
  const length = Math.min(firstChunk, end - start + 1);
  const first = await openPlace(session, place, () =>
    fetchPartial(session, { uid: place.uid, section }, { offset: start, length }, known ? [] : [atom("BODYSTRUCTURE")]),
  );
  const structure = known ? known.structure : first.row.structure;
  const part = structure ? findPart(structure, section) : null;
  if ((structure && !part) || (!part && first.octets === null)) {
    throw new Failure("not-found", "The message has no such part.");
  }
  if (part && part.encodedSize > start && first.octets === null) {
    const where = { host: session.host, phase: "UID FETCH" };
    throw brokeProtocol("The mail server has the part and does not give it.", where);
  }
  const octets = first.octets ?? Buffer.alloc(0);
  const announced = part ? part.encodedSize : null;
  return streamSection(session, { place, section, start, end, announced }, { ...first, octets });
}

/** A part of a message whose structure the server does not tell, cut out of the whole. */
async function openParsed(
  session: Session,
  place: ImapPlace,
  section: string,
  { start, end }: ByteRange,
): Promise<AsyncIterable<Uint8Array>> {
  const whole = await openPlace(session, place, async () => (await parseWhole(session, place.uid)) ?? undefined);
  const part = findPart(whole.structure, section);
  const octets = part && whole.bodyOf(part);
  if (!octets) throw new Failure("not-found", "The message has no such part.");
  return (async function* () {
    yield octets.subarray(start, end + 1);
  })();
}
