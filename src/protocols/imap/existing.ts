import { takesAbsentUids } from "./capabilities.ts";
import { type Row, rowReader } from "./row.ts";
import { readSearchReply } from "./search-reply.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, sequence, type Token } from "./wire.ts";

/** Messages of one look through a folder: their answer stays far below what a session may be told. */
const maxLook = 5_000;

/**
 * UID SEARCH (RFC 9051 §6.4.8) in the selected folder, ascending; only those `among` some, where that is given. `deadline` in
 * milliseconds.
 */
export async function searchUids(
  session: Session,
  criteria: Token[],
  { deadline, among }: { deadline?: number; among?: Set<number> } = {},
): Promise<number[]> {
  const options = { keep: ["SEARCH", "ESEARCH"], ...(deadline === undefined ? {} : { deadline }) };
  const { untagged } = await session.exec("UID SEARCH", criteria, options);
  return readSearchReply(session, untagged, among).numbers;
}

/** Which of these UIDs are in the selected folder now, by what the session has seen of it. */
export async function searchExisting(session: Session, uids: number[]): Promise<Set<number>> {
  const wanted = new Set(uids);
  const found = new Set<number>();
  for (const set of uidSets(uids)) {
    const there = await searchUids(session, [atom("UID"), sequence(set)], { among: wanted });
    for (const uid of there) found.add(uid);
  }
  if (found.size === wanted.size || takesAbsentUids(session)) return found;
  // GNU imap4d reads them as sequence numbers: what was found is there, of the rest nothing is known.
  const rest = [...wanted].filter((uid) => !found.has(uid));
  for (const uid of await fetchExistingUids(session, rest)) if (wanted.has(uid)) found.add(uid);
  return found;
}

/** UIDs that are there, among them all of these that are, and maybe others. */
async function fetchExistingUids(session: Session, uids: number[]): Promise<number[]> {
  const there: number[] = [];
  try {
    for (const set of uidSets(uids)) {
      for (const { uid } of await fetchUids(session, "UID FETCH", set)) if (uid !== undefined) there.push(uid);
    }
    return there;
  } catch {
    // Some servers refuse to be asked for what is not there.
    return uidsFrom(session, Math.min(...uids));
  }
}

/**
 * The UIDs of the selected folder's messages from this one on, looked through from the newest by sequence numbers, which
 * every server reads as such in FETCH (GNU imap4d takes those of UID SEARCH for UIDs).
 */
export async function uidsFrom(session: Session, lowest: number): Promise<number[]> {
  const uids: number[] = [];
  let oldest = Infinity;
  for (let high = session.selected?.exists ?? 0; high > 0 && oldest > lowest; high -= maxLook) {
    const low = Math.max(1, high - maxLook + 1);
    for (const { sequence: number, uid } of await fetchUids(session, "FETCH", `${low}:${high}`)) {
      if (uid === undefined || number < low || number > high) continue;
      if (uid >= lowest) uids.push(uid);
      oldest = Math.min(oldest, uid);
    }
  }
  return uids;
}

async function fetchUids(session: Session, command: "FETCH" | "UID FETCH", set: string): Promise<Row[]> {
  const { rows, read } = rowReader();
  await session.exec(command, [sequence(set), [atom("UID")]], { keep: ["FETCH"], each: read });
  return rows;
}

/**
 * Selects the folder and tells which of the UIDs are there. A session that had the folder open asks for news before it
 * calls a message gone. All are gone when UIDVALIDITY is another.
 */
export async function findExisting(
  session: Session,
  path: string,
  uidValidity: number,
  uids: number[],
): Promise<Set<number>> {
  const wasOpen = session.selected?.path === path;
  const selected = await selectFolder(session, path, { fresh: false });
  if (selected.uidValidity !== uidValidity) return new Set();
  const found = await searchExisting(session, uids);
  if (!wasOpen || found.size === new Set(uids).size) return found;
  await selectFolder(session, path, { fresh: true });
  return searchExisting(session, uids);
}
