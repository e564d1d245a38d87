import type { PartOctets } from "../../mail/mailbox.ts";
import type { ImapPlace, Summary } from "../../mail/message.ts";
import type { Part } from "../../mail/part.ts";
import { previewPart } from "../../mime/walk.ts";
import { fetchRows } from "./fetch.ts";
import { byFolder } from "./places.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, peek } from "./wire.ts";

/**
 * Sections that are asked for in one folder, the most frequent ones first: the text of nearly all messages is 1, 1.1, 1.2 or
 * 1.1.1, and one that made up many more would have us send a command for each of its messages.
 */
const maxSections = 20;

/**
 * The first octets of the text that each message begins with: one command for all messages of a folder whose text has the same
 * section. Null where there is no text, and of a message that is gone or that the server tells no structure of.
 */
export async function beginnings(
  session: Session,
  messages: Summary<ImapPlace>[],
  octets: number,
): Promise<(PartOctets | null)[]> {
  const parts = new Map<ImapPlace, Part>();
  for (const { place, structure } of messages) {
    const part = structure && previewPart(structure);
    if (part) parts.set(place, part);
  }
  const found = new Map<ImapPlace, PartOctets>();
  for (const { path, uidValidity, places } of byFolder([...parts.keys()])) {
    const selected = await selectFolder(session, path, { fresh: false });
    if (selected.uidValidity !== uidValidity) continue;
    for (const [section, some] of bySection(places, parts)) {
      const told = await fetchBeginnings(session, section, [...some.keys()], octets);
      for (const [uid, bytes] of told) {
        const one = some.get(uid);
        if (one) found.set(one.place, { part: one.part, bytes, truncated: bytes.length < one.part.encodedSize });
      }
    }
  }
  return messages.map(({ place }) => found.get(place) ?? null);
}

type Wanted = Map<number, { place: ImapPlace; part: Part }>;

function bySection(places: ImapPlace[], parts: Map<ImapPlace, Part>): [string, Wanted][] {
  const sections = new Map<string, Wanted>();
  for (const place of places) {
    const part = parts.get(place);
    if (part === undefined) continue;
    const wanted: Wanted = sections.get(part.section) ?? new Map();
    wanted.set(place.uid, { place, part });
    sections.set(part.section, wanted);
  }
  return [...sections].sort(([, a], [, b]) => b.size - a.size).slice(0, maxSections);
}

async function fetchBeginnings(
  session: Session,
  section: string,
  uids: number[],
  octets: number,
): Promise<Map<number, Uint8Array>> {
  const told = new Map<number, Uint8Array>();
  const items = [atom("UID"), peek(section, { offset: 0, length: octets })];
  for (const set of uidSets(uids)) {
    for (const { uid, sections } of await fetchRows(session, "UID FETCH", set, items, { withKey: false })) {
      const bytes = sections.get(section.toUpperCase())?.octets;
      if (uid !== undefined && bytes) told.set(uid, Uint8Array.from(bytes.subarray(0, octets)));
    }
  }
  return told;
}
