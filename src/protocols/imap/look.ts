import type { Fact, FolderCursor, Look, Since } from "../../mail/watch.ts";
import { fetchFew, fetchFirst, fetchLeftOut, type New } from "./fetch-new.ts";
import { findVanished } from "./find-vanished.ts";
import { isInStep } from "./looked.ts";
import { type FlagsRead, readFlags } from "./read-flags.ts";
import { keyOf, type Row } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Selected } from "./selected.ts";
import type { Session } from "./session.ts";
import { flagsOf } from "./summary.ts";

/**
 * What has changed in a folder since a cursor, in the cheapest way that the server can do. One round trip where the session
 * has had the folder open since the last look and was told of nothing but a few new messages: they are fetched, and flags
 * wait for the next look. Null when UIDVALIDITY is another. Fails: `not-found`.
 */
export async function look(session: Session, path: string, since: Since): Promise<Look | null> {
  const { cursor } = since;
  const before = isInStep(session, path, cursor) ? session.looked.get(path)?.seen : undefined;
  // What the session saw of the folder at another time proves nothing about what came since the cursor.
  if (!before && session.selected?.path === path) session.selected = null;
  const folder = await selectFolder(session, path, { fresh: false, condstore: true });
  if (folder.uidValidity !== cursor.uidValidity) return null;
  const start = { ...folder.told };
  if (!before && isUnchanged(folder, cursor)) {
    remember(session, folder, cursor, start);
    return { cursor, created: [], more: false, changed: [], vanished: [], flagsRead: true };
  }

  const news = before && toldSince(folder, before);
  const isNewMailOnly = news !== undefined && news.arrived > 0 && news.expunged === 0 && news.flags === 0;
  const isQuick = isNewMailOnly && news.arrived <= since.limit && since.rereadFlags === 0;
  const flags: FlagsRead = isQuick
    ? { rows: [], modSeq: cursor.modSeq, kind: "none", isAsked: true }
    : await readFlags(session, folder, since, { isFresh: !before });
  folder.told.flags += flags.rows.filter(({ uid }) => uid === undefined).length;

  const { arrived, expunged } = folder.told;
  const fresh = await fetchNew(session, folder, since, { before, isAsked: flags.isAsked });
  const gone = cursor.exists + fresh.listed.length - fresh.upTo;
  const isTold = session.qresync && (isQuick || flags.kind === "changes");
  const isLooked = gone > 0 || flags.kind === "all" || folder.vanished.length > 0;
  // Flags that were told of and not read stay news.
  const read = flags.kind === "none" ? (before?.flags ?? start.flags) : start.flags;
  const seen = { arrived, expunged: isLooked ? folder.told.expunged : expunged, flags: read };
  const vanished = isLooked ? await findVanished(session, folder, since, { gone, isTold }) : [];

  const last = fresh.listed.at(-1)?.summary.place.uid;
  const { uidValidity } = cursor;
  const uidNext = last === undefined ? cursor.uidNext : last + 1;
  const next: FolderCursor = { uidValidity, uidNext, modSeq: flags.modSeq, exists: fresh.upTo };
  // The rest is news already, and what a server counts without ever showing it is none.
  const left = Math.max(0, folder.exists - fresh.upTo);
  seen.arrived = folder.told.arrived - (fresh.more ? left : Math.min(left, folder.told.arrived - arrived));
  remember(session, folder, next, seen);
  return {
    cursor: next,
    created: fresh.listed.map(({ summary }) => summary),
    more: fresh.more,
    changed: changedOf(flags.rows, since),
    vanished,
    flagsRead: flags.kind !== "none",
  };
}

/** Keeps what a look or a survey has seen, so that the next one asks only for what came since. */
export function remember(session: Session, folder: Selected, cursor: FolderCursor, seen: Selected["told"]): void {
  const uidNext = Math.max(folder.uidNext ?? 0, cursor.uidNext);
  const said = { exists: folder.exists, uidNext, modSeq: cursor.modSeq ?? folder.modSeq };
  session.looked.set(folder.path, { cursor, told: folder.told, seen: { ...seen }, said });
}

/** RFC 7162 §3.1.1: whatever happens to a folder's messages, also that they come and go, raises its HIGHESTMODSEQ. */
function isUnchanged({ modSeq, exists, uidNext }: Selected, cursor: FolderCursor): boolean {
  return modSeq !== null && modSeq === cursor.modSeq && exists === cursor.exists && (uidNext ?? 0) <= cursor.uidNext;
}

function toldSince({ told }: Selected, before: Selected["told"]): Selected["told"] {
  return {
    arrived: told.arrived - before.arrived,
    expunged: told.expunged - before.expunged,
    flags: told.flags - before.flags,
  };
}

/**
 * `before` is what the session had been told of the folder at the last look, if it has had it open since; `isAsked`, whether
 * it has asked for news since then.
 */
async function fetchNew(
  session: Session,
  folder: Selected,
  { cursor, limit }: Since,
  { before, isAsked }: { before: Selected["told"] | undefined; isAsked: boolean },
): Promise<New> {
  const wanted = { from: cursor.uidNext, below: cursor.exists, limit };
  // Some servers refuse `n:*` where there is nothing.
  const isNoop = before !== undefined && !isAsked && folder.exists === 0;
  if (isNoop) await session.exec("NOOP", []);
  const isKnown = isAsked || isNoop;
  if (folder.exists === 0 && (isKnown || !before)) return { listed: [], upTo: 0, more: false };
  const news = before && toldSince(folder, before);
  const arrived = news ? news.arrived : (folder.uidNext ?? Infinity) - cursor.uidNext;
  if (isKnown && news?.arrived === 0 && news.expunged === 0) return { listed: [], upTo: folder.exists, more: false };
  if (arrived > limit) return fetchFirst(session, wanted);
  const few = await fetchFew(session, wanted, before !== undefined && !isKnown);
  const isLeftOut = few.upTo > cursor.exists + few.listed.length && !few.more;
  return isLeftOut ? fetchLeftOut(session, wanted, few) : few;
}

function changedOf(rows: Row[], { lowest, cursor }: Since): Fact[] {
  const byUid = new Map<number, Fact>();
  for (const row of rows) {
    const { uid } = row;
    if (uid === undefined || row.flags === undefined || uid < lowest || uid >= cursor.uidNext) continue;
    byUid.set(uid, { uid, ...flagsOf(row), key: keyOf(row) });
  }
  return [...byUid.values()].sort((a, b) => a.uid - b.uid);
}
