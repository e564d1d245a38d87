import { type Fetched, maxBodyBytes, type Wanted } from "../../mail/mailbox.ts";
import type { Place } from "../../mail/message.ts";
import type { Part } from "../../mail/part.ts";
import { bodyParts } from "../../mime/walk.ts";
import { brokeProtocol } from "./failures.ts";
import { bareItems, fetchRows, summaryItems } from "./fetch.ts";
import { messageGone, openPlace } from "./open-place.ts";
import { searchExisting } from "./existing.ts";
import { isComplete, type Row, toSummary } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { atom, peek, type Token } from "./wire.ts";

/** Octets of all text parts of a message together; what lies beyond is left out and marked. */
const maxBodiesBytes = 4 * maxBodyBytes;

/** Text parts that are asked for in one command. */
const partsPerCommand = 100;

/**
 * Where the text of most messages is: asked for along with the structure, so that one round trip is mostly enough.
 * A part that a message lacks is NIL.
 */
const likelySections = ["1", "1.1", "1.2", "2"];
const likelyBytes = 16 * 1024;

/** A message's summary, header block and text parts, in one round trip or two. Fails: `message-gone`. */
export async function getMessage(session: Session, place: Place, wanted: Wanted): Promise<Fetched> {
  const items = wanted.headers ? [...summaryItems, peek("HEADER")] : summaryItems;
  const read = async (): Promise<Row | undefined> => {
    const rows = await fetchWithGuesses(session, place, items, wanted.bodies === true);
    // Of a message that others expunged, some servers still tell what they have cached, and NIL for the rest.
    const isWhole = (row: Row): boolean => !wanted.headers || Boolean(row.sections.get("HEADER")?.octets);
    return rows.find((row) => row.uid === place.uid && isComplete(row) && isWhole(row));
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
  if (wanted.bodies) fetched.bodies = summary.structure ? await getBodies(session, row, place, summary.structure) : [];
  return fetched;
}

async function fetchWithGuesses(session: Session, place: Place, items: Token[], bodies: boolean): Promise<Row[]> {
  const fetch = (all: Token[]): Promise<Row[]> =>
    fetchRows(session, "UID FETCH", String(place.uid), all, { withKey: true });
  if (!bodies || !session.takesGuesses) return fetch(items);
  const guesses = likelySections.map((section) => peek(section, { offset: 0, length: likelyBytes }));
  try {
    return await fetch([...items, ...guesses]);
  } catch (error) {
    if (session.dead) throw error;
    const rows = await fetch(items);
    // Only what it answers without the guesses was refused because of them.
    session.takesGuesses = false;
    return rows;
  }
}

/** What is left to know of a message whose ENVELOPE the server can't give; undefined when there is nothing. */
async function bareRow(session: Session, place: Place): Promise<Row | undefined> {
  const items = [...bareItems, peek("HEADER")];
  const rows = await fetchRows(session, "UID FETCH", String(place.uid), items, { withKey: true });
  return rows.find((row) => row.uid === place.uid && row.sections.has("HEADER"));
}

type Body = NonNullable<Fetched["bodies"]>[number];

async function getBodies(session: Session, row: Row, place: Place, structure: Part): Promise<Body[]> {
  const { text, html } = bodyParts(structure);
  let budget = maxBodiesBytes;
  const asked = [...text, ...html].map((part) => {
    const length = Math.min(maxBodyBytes, budget);
    budget -= Math.min(length, part.encodedSize);
    return { part, length };
  });
  const bodies = new Map(asked.map((one) => [one.part, guessed(row, one)]));
  const missing = asked.filter(({ part }) => !bodies.get(part));
  for (let start = 0; start < missing.length; start += partsPerCommand) {
    const some = missing.slice(start, start + partsPerCommand);
    for (const body of await getParts(session, place, some)) bodies.set(body.part, body);
  }
  return asked.flatMap(({ part }) => bodies.get(part) ?? []);
}

/** What came along with the structure, where it is all of the part; undefined where it is not. */
function guessed(row: Row, { part, length }: { part: Part; length: number }): Body | undefined {
  if (part.encodedSize === 0 || length === 0) {
    return { part, bytes: new Uint8Array(), truncated: part.encodedSize > 0 };
  }
  const told = row.sections.get(part.section.toUpperCase());
  const octets = told?.octets;
  if (!octets || told.origin !== 0 || octets.length < part.encodedSize || octets.length > length) return undefined;
  return octets.length < likelyBytes ? { part, bytes: octets, truncated: false } : undefined;
}

async function getParts(session: Session, place: Place, asked: { part: Part; length: number }[]): Promise<Body[]> {
  const items = asked.map(({ part, length }) => peek(part.section, { offset: 0, length }));
  const set = String(place.uid);
  const rows = await fetchRows(session, "UID FETCH", set, [atom("UID"), ...items], { withKey: false });
  const row = rows.find((candidate) => candidate.uid === place.uid && candidate.sections.size > 0);
  if (!row) throw messageGone();
  const isNil = ({ part }: { part: Part }): boolean => !row.sections.get(part.section.toUpperCase())?.octets;
  if (asked.some(isNil)) await checkExists(session, place);
  return asked.map(({ part, length }) => {
    const octets = row.sections.get(part.section.toUpperCase())?.octets ?? new Uint8Array();
    // A server that gives NIL or less than it announced is told as truncated, never as complete.
    const truncated = octets.length < part.encodedSize || octets.length > length;
    return { part, bytes: octets.subarray(0, length), truncated };
  });
}

async function checkExists(session: Session, place: Place): Promise<void> {
  await selectFolder(session, place.path, { fresh: true });
  if (!(await searchExisting(session, [place.uid])).has(place.uid)) throw messageGone();
}

function where(session: Session): { host: string; phase: string } {
  return { host: session.host, phase: "UID FETCH" };
}
