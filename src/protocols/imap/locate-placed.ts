import type { ImapPlace } from "../../mail/message.ts";
import { messageIdOf, rawHeaders } from "../../mime/headers.ts";
import { fetchRows } from "./fetch.ts";
import type { Row } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, peekFields, type Token } from "./wire.ts";

/** What a message and its copy have in common: `mark` is INTERNALDATE, size and Message-ID, as one string. */
export type Mark = { uid: number; mark: string; messageId: string; flags: string[] };

/**
 * What was found of copies: where each original's lies without doubt, of how many originals there is none at all, and which
 * flags copies lack that their originals have.
 */
export type Copies = { places: Map<number, ImapPlace>; absent: number; unflagged: { uid: number; flags: string[] }[] };

const markItems: Token[] = [...["UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"].map(atom), peekFields(["Message-ID"])];

/** Flags that are no message's own. */
const passing = new Set(["\\recent", "\\deleted"]);

/** The marks of messages of the selected folder, by UID; what is not there has none. */
export async function fetchMarks(session: Session, uids: number[]): Promise<Map<number, Mark>> {
  const asked = new Set(uids);
  const marks = new Map<number, Mark>();
  for (const set of uidSets(uids)) {
    for (const row of await fetchRows(session, "UID FETCH", set, markItems, { withKey: false })) {
      const mark = markOf(row);
      if (mark && asked.has(mark.uid)) marks.set(mark.uid, mark);
    }
  }
  return marks;
}

/**
 * Finds the copies of messages in a folder among the UIDs from `uidNext` on, by their marks; a mark that fits several, there
 * or among the messages themselves, finds none. Selects the folder.
 */
export async function locatePlaced(session: Session, path: string, uidNext: number, wanted: Mark[]): Promise<Copies> {
  const places = new Map<number, ImapPlace>();
  const unflagged: Copies["unflagged"] = [];
  if (wanted.length === 0) return { places, absent: 0, unflagged };
  const { uidValidity, exists } = await selectFolder(session, path, { fresh: true });
  if (exists === 0) return { places, absent: wanted.length, unflagged };
  const rows = await fetchRows(session, "UID FETCH", `${uidNext}:*`, markItems, { withKey: false });
  // `n:*` is also the last message where all UIDs are below n.
  const copies = rows.flatMap((row) => markOf(row) ?? []).filter(({ uid }) => uid >= uidNext);
  for (const { uid, mark, messageId, flags } of wanted) {
    const copy =
      onlyOne(copies, wanted, (one) => one.mark === mark) ??
      // Some servers store a copy with another size.
      (messageId === "" ? null : onlyOne(copies, wanted, (one) => one.messageId === messageId));
    if (!copy) continue;
    places.set(uid, { path, uidValidity, uid: copy.uid });
    const lost = flags.filter((flag) => !copy.flags.includes(flag));
    if (lost.length > 0) unflagged.push({ uid: copy.uid, flags: lost });
  }
  return { places, absent: absentOf(copies, wanted), unflagged };
}

/** The copy that fits where one original and one copy do; null where there is any doubt. */
function onlyOne(copies: Mark[], originals: Mark[], fits: (mark: Mark) => boolean): Mark | null {
  const [copy, ...more] = copies.filter(fits);
  return copy && more.length === 0 && originals.filter(fits).length === 1 ? copy : null;
}

/** By Message-ID only: some servers store a copy with another size or date. */
function absentOf(copies: Mark[], wanted: Mark[]): number {
  const there = Map.groupBy(copies, ({ messageId }) => messageId);
  const originals = Map.groupBy(wanted, ({ messageId }) => messageId);
  let absent = 0;
  for (const [messageId, { length }] of originals) absent += Math.max(0, length - (there.get(messageId)?.length ?? 0));
  return absent;
}

function markOf({ uid, internalDate, size, sections, flags }: Row): Mark | null {
  if (uid === undefined) return null;
  const fields = sections.get("HEADER.FIELDS")?.octets;
  const messageId = (fields && messageIdOf(rawHeaders(fields))) ?? "";
  const kept = (flags ?? []).map((flag) => flag.toLowerCase()).filter((flag) => !passing.has(flag));
  return { uid, mark: `${internalDate ?? ""} ${size ?? ""} ${messageId}`, messageId, flags: kept };
}
