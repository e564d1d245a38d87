import type { PartOctets } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import type { Part } from "../../mail/part.ts";
import { type Asked, askedParts, maxBodiesBytes } from "../../mime/asked-parts.ts";
import { searchExisting } from "./existing.ts";
import { fetchRows } from "./fetch.ts";
import { messageGone } from "./open-place.ts";
import type { Row } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { atom, peek } from "./wire.ts";

/** Text parts that are asked for in one command. */
const partsPerCommand = 100;

/**
 * Where the text of most messages is: asked for along with the structure, so that one round trip is mostly enough.
 * A part that a message lacks is NIL.
 */
const likelyOctets = 16 * 1024;
export const likelyParts = ["1", "1.1", "1.2", "2"].map((section) => ({ section, length: likelyOctets }));

/** The text parts of a message of the selected folder; what `row` has of them already is not asked for again. Fails: `message-gone`. */
export async function getBodies(session: Session, row: Row, place: ImapPlace, structure: Part): Promise<PartOctets[]> {
  const asked = askedParts(structure);
  const bodies = new Map(asked.map((one) => [one.part, bodyIn(row, one)]));
  const missing = asked.filter(({ part }) => !bodies.get(part));
  /** What comes counts, whatever sizes the structure tells. */
  let left = maxBodiesBytes;
  for (let start = 0; start < missing.length; start += partsPerCommand) {
    const some = missing.slice(start, start + partsPerCommand);
    const told = left > 0 ? await fetchParts(session, place, some) : some.map(({ part }) => notRead(part));
    for (const body of told) bodies.set(body.part, body);
    left -= told.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
  return asked.flatMap(({ part }) => bodies.get(part) ?? []);
}

/** What came along with the rest, where it is all of the part; undefined where it is not. */
function bodyIn(row: Row, { part, length }: Asked): PartOctets | undefined {
  if (part.encodedSize === 0 || length === 0) return notRead(part);
  const told = row.sections.get(part.section.toUpperCase());
  const octets = told?.octets;
  if (!octets || told.origin !== 0 || octets.length < part.encodedSize || octets.length > length) return undefined;
  // More than was announced, and cut where a guess ends.
  if (octets.length === likelyOctets && part.encodedSize < likelyOctets) return undefined;
  return { part, bytes: octets, truncated: false };
}

function notRead(part: Part): PartOctets {
  return { part, bytes: new Uint8Array(), truncated: part.encodedSize > 0 };
}

/** So many octets of each part, of a message of the selected folder, in one command. Fails: `message-gone`. */
export async function fetchParts(session: Session, place: ImapPlace, asked: Asked[]): Promise<PartOctets[]> {
  const items = asked.map(({ part, length }) => peek(part.section, { offset: 0, length }));
  const set = String(place.uid);
  const rows = await fetchRows(session, "UID FETCH", set, [atom("UID"), ...items], { withKey: false });
  const row = rows.find((candidate) => candidate.uid === place.uid && candidate.sections.size > 0);
  if (!row) throw messageGone();
  const isNil = ({ part }: Asked): boolean => !row.sections.get(part.section.toUpperCase())?.octets;
  if (asked.some(isNil)) await checkExists(session, place);
  return asked.map(({ part, length }) => {
    const octets = row.sections.get(part.section.toUpperCase())?.octets ?? new Uint8Array();
    // A server that gives NIL or less than it announced is told as truncated, never as complete.
    const truncated = octets.length < part.encodedSize || octets.length > length;
    return { part, bytes: octets.subarray(0, length), truncated };
  });
}

async function checkExists(session: Session, place: ImapPlace): Promise<void> {
  await selectFolder(session, place.path, { fresh: true });
  if (!(await searchExisting(session, [place.uid])).has(place.uid)) throw messageGone();
}
