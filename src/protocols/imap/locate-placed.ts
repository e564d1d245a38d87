import type { Place } from "../../mail/message.ts";
import { type Row, rowsOf } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { atom, sequence } from "./wire.ts";

/** What a message and its copy have in common: INTERNALDATE, size and Message-ID, as one string. */
export type Mark = { uid: number; mark: string };

/** The marks of messages of the selected folder. */
export async function fetchMarks(session: Session, sets: string[], uids: Set<number>): Promise<Mark[]> {
  const items = ["UID", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"].map(atom);
  const marks = new Map<number, Mark>();
  for (const set of sets) {
    const { untagged } = await session.exec("UID FETCH", [sequence(set), items], { keep: ["FETCH"] });
    for (const row of rowsOf(untagged)) {
      const mark = markOf(row);
      if (row.uid !== undefined && uids.has(row.uid) && mark !== null) marks.set(row.uid, { uid: row.uid, mark });
    }
  }
  return [...marks.values()];
}

/**
 * Finds the copies of messages in the target folder among the UIDs from `uidNext` on, by their marks; a mark that fits
 * several, there or among the messages themselves, finds none. Selects the target.
 */
export async function locatePlaced(
  session: Session,
  target: string,
  uidNext: number,
  wanted: Mark[],
): Promise<Map<number, Place>> {
  const found = new Map<number, Place>();
  if (wanted.length === 0) return found;
  const { uidValidity, exists } = await selectFolder(session, target, { fresh: true });
  if (exists === 0) return found;
  const items = ["UID", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"].map(atom);
  const { untagged } = await session.exec("UID FETCH", [sequence(`${uidNext}:*`), items], { keep: ["FETCH"] });
  const copies = new Map<string, number[]>();
  for (const row of rowsOf(untagged)) {
    const mark = markOf(row);
    // `n:*` is also the last message where all UIDs are below n.
    if (row.uid === undefined || row.uid < uidNext || mark === null) continue;
    copies.set(mark, [...(copies.get(mark) ?? []), row.uid]);
  }
  for (const { uid, mark } of wanted) {
    const [copy, ...more] = copies.get(mark) ?? [];
    const isAlone = wanted.filter((other) => other.mark === mark).length === 1;
    if (copy !== undefined && more.length === 0 && isAlone) found.set(uid, { path: target, uidValidity, uid: copy });
  }
  return found;
}

function markOf(row: Row): string | null {
  const { internalDate, size, envelope } = row;
  if (internalDate === undefined || internalDate === null || size === undefined || !envelope) return null;
  return `${internalDate} ${size} ${envelope.envelope.messageId ?? ""}`;
}
