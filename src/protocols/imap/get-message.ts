import { type Fetched, maxBodyBytes, type Wanted } from "../../mail/mailbox.ts";
import type { Place } from "../../mail/message.ts";
import type { Part } from "../../mail/part.ts";
import { bodyParts } from "../../mime/walk.ts";
import { brokeProtocol } from "./failures.ts";
import { bareItems, fetchRows, summaryItems } from "./fetch.ts";
import { messageGone, openPlace } from "./open-place.ts";
import { isComplete, type Row, toSummary } from "./row.ts";
import type { Session } from "./session.ts";
import { atom, peek, type Token } from "./wire.ts";

/** Octets of all text parts of a message together; what lies beyond is left out and marked. */
const maxBodiesBytes = 4 * maxBodyBytes;

/** Text parts that are asked for in one command. */
const partsPerCommand = 100;

/** A message's summary, header block and text parts: one round trip, and a second one for the parts. Fails: `message-gone`. */
export async function getMessage(session: Session, place: Place, wanted: Wanted): Promise<Fetched> {
  const items = wanted.headers ? [...summaryItems, peek("HEADER")] : summaryItems;
  const read = async (): Promise<Row | undefined> => {
    const rows = await fetchRows(session, "UID FETCH", String(place.uid), items, { withKey: true });
    return rows.find((row) => row.uid === place.uid && isComplete(row));
  };
  const row = await openPlace(session, place, read, () => bareRow(session, place));
  const summary = toSummary(row, place.path, place.uidValidity);
  if (!summary) throw messageGone();
  const fetched: Fetched = { summary };
  if (wanted.headers) {
    const header = row.sections.get("HEADER")?.octets;
    if (!header) throw brokeProtocol("The mail server did not give the message's header.", where(session));
    fetched.header = header;
  }
  if (wanted.bodies) fetched.bodies = summary.structure ? await getBodies(session, place, summary.structure) : [];
  return fetched;
}

/** What is left to know of a message whose ENVELOPE the server can't give; undefined when the message is gone. */
async function bareRow(session: Session, place: Place): Promise<Row | undefined> {
  const rows = await fetchRows(session, "UID FETCH", String(place.uid), [...bareItems, peek("HEADER")], {
    withKey: true,
  });
  return rows.find((row) => row.uid === place.uid && row.sections.has("HEADER"));
}

async function getBodies(session: Session, place: Place, structure: Part): Promise<NonNullable<Fetched["bodies"]>> {
  const { text, html } = bodyParts(structure);
  const parts = [...text, ...html];
  const bodies: NonNullable<Fetched["bodies"]> = [];
  let budget = maxBodiesBytes;
  for (let start = 0; start < parts.length; start += partsPerCommand) {
    const asked = parts.slice(start, start + partsPerCommand).map((part) => {
      const length = Math.min(maxBodyBytes, budget);
      budget -= Math.min(length, part.encodedSize);
      return { part, length: part.encodedSize === 0 ? 0 : length };
    });
    bodies.push(...(await getParts(session, place, asked)));
  }
  return bodies;
}

async function getParts(
  session: Session,
  place: Place,
  asked: { part: Part; length: number }[],
): Promise<NonNullable<Fetched["bodies"]>> {
  const items: Token[] = asked.flatMap(({ part, length }) =>
    length > 0 ? [peek(part.section, { offset: 0, length })] : [],
  );
  const rows =
    items.length > 0
      ? await fetchRows(session, "UID FETCH", String(place.uid), [atom("UID"), ...items], { withKey: false })
      : [];
  const row = rows.find((candidate) => candidate.uid === place.uid && candidate.sections.size > 0);
  if (!row && items.length > 0) throw messageGone();
  return asked.map(({ part, length }) => {
    const bytes = row?.sections.get(part.section.toUpperCase())?.octets ?? new Uint8Array();
    // A server that gives NIL or less than it announced is told as truncated, never as complete.
    return {
      part,
      bytes: bytes.subarray(0, length),
      truncated: bytes.length < part.encodedSize || bytes.length > length,
    };
  });
}

function where(session: Session): { host: string; phase: string } {
  return { host: session.host, phase: "UID FETCH" };
}
