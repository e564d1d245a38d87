import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { FolderStatus, NativeFolder } from "../mail/folder.ts";
import { syncFolders } from "../operations/sync-folders.ts";
import { isWatchedFolder } from "../operations/watched-folder.ts";
import type { FolderNow } from "../operations/view-folder.ts";
import type { FolderRow, WatchFolderRow } from "../store/rows.ts";
import { endHolds } from "./end-holds.ts";
import { forgetPlacements, placedLately } from "./forget-placements.ts";
import { holdOf, nextListing } from "./held.ts";
import { lastingKeys, otherSnapshots } from "./keys.ts";
import { isPlaceKey } from "./own-doing.ts";
import { heldFromOf, writtenOf } from "./piece.ts";
import { sliceSize, slices } from "./slices.ts";
import { decodeEntries } from "./snapshot.ts";
import { reread } from "./books.ts";
import { lookAtFolder, type LookedAt } from "./look-at-folder.ts";
import { lookAtMaildrop } from "./look-at-maildrop.ts";
import { tieThreads } from "./thread-messages.ts";
import { type FolderTurn, type LookNeeds, type Turn, write } from "./turn.ts";

/** How often the inbox is looked at while a look at all folders goes on, milliseconds. */
const inboxEveryMs = 1_000;

/** How a look went: a turn to look at single folders with, or null for a maildrop; and whether there is more to tell. */
export type Looked = {
  turn: FolderTurn | null;
  state: LookedAt;
  /** Folders that are seen from then on are new ones, milliseconds. */
  listedAt: number;
  /** The first folder that could not be looked at, and why; null where all could. */
  failed: { folderId: string; failure: Failure } | null;
};

/**
 * Looks at the whole account once: which folders there are, and what is new in those that are watched. `since` is when it was
 * looked at last, milliseconds, or null. A folder that can't be looked at holds up no other. Throws `Overtaken`; fails with
 * what the mail server or the line failed with.
 */
export async function lookAtAccount(needs: LookNeeds, turn: Turn, since: number | null): Promise<Looked> {
  const { account, mailbox } = turn;
  const { watching } = mailbox;
  const begun = needs.clock.now();
  const synced = await syncFolders(needs, account, () => mailbox.folders());
  turn.progress();
  // What the very first listing shows was there before.
  const listedAt = since === null ? needs.clock.now() : begun;
  const watched = synced.filter(({ row }) => row.selectable && isWatchedFolder(account, row)).sort(inboxFirst);
  const [inbox] = watched;
  if (watching.kind === "maildrop") {
    const state =
      inbox === undefined
        ? "done"
        : await lookAtMaildrop(needs, { ...turn, folders: [inbox.row] }, watching, inbox.row);
    return { turn: null, state, listedAt, failed: null };
  }
  const folders = await needs.folders.list(account.id);
  const appeared = new Set(
    since === null ? [] : folders.filter(({ firstSeenAt }) => firstSeenAt > since).map(({ number }) => number),
  );
  // The same rows, for the turn lives until the next look.
  const rowOf = new Map(folders.map((row) => [row.number, row]));
  const watchedRows = watched.map(({ row }) => rowOf.get(row.number) ?? row);
  const at: FolderTurn = { ...turn, watching, folders, appeared, watched: watchedRows };
  const isWatched = new Set(at.watched.map(({ number }) => number));
  const stored = await needs.watches.folders(account.id);
  const known = stored.filter(({ folder }) => isWatched.has(folder));
  await unwatch(
    needs,
    at,
    stored.filter(({ folder }) => !isWatched.has(folder)),
    begun,
  );
  await holdForNewFolders(needs, at, known);
  const placed = await placedLately(needs, at, since);

  const rows = new Map(known.map((row) => [row.folder, row]));
  const quiet = new Set([nextListing]);
  let state: LookedAt = "done";
  /** Something of ours was waited for: what the listing says is not what counts for what is held. */
  let waited = false;
  let failed: Looked["failed"] = null;
  /** What these hold is known as it is, or as it was after this began. */
  const whole = new Set<number>();
  const look = async (row: FolderRow, status: FolderStatus | null): Promise<void> => {
    try {
      const looked = await lookAtFolder(needs, at, row, { status });
      if (looked === "done") whole.add(row.number);
      else whole.delete(row.number);
      waited ||= looked === "waiting";
      state = worse(state, looked);
    } catch (error) {
      if (mailbox.dead || !(error instanceof Failure) || error.code === "storage-unavailable") throw error;
      failed ??= { folderId: row.id, failure: error };
      // What is held does not wait for ever for a folder that nobody can look into.
      if (account.state === "degraded") quiet.add(row.number);
    }
  };
  let inboxAt = needs.clock.now();
  for (const { row, native } of watched) {
    const before = rows.get(row.number);
    if (before !== undefined && isAsItWas(native, before, begun, row.role === "inbox")) {
      quiet.add(row.number);
      whole.add(row.number);
      continue;
    }
    const isInbox = row.role === "inbox";
    // Others may take long: new mail in the inbox does not wait for them all.
    if (!isInbox && inbox?.row.role === "inbox" && needs.clock.now() - inboxAt >= inboxEveryMs) {
      await look(inbox.row, null);
      inboxAt = needs.clock.now();
    }
    await look(row, native.status);
  }
  const held = await needs.watches.held(account.id);
  if (held.length > 0) {
    const still = isStill(known, await needs.watches.folders(account.id), at.watched);
    for await (const pieces of endHolds(needs, at, held, { looked: waited ? new Set() : quiet, begun, still })) {
      const tied = await tieThreads(needs, account.id, pieces, await heldFromOf(needs, account.id, pieces));
      await write(needs, at, { ...writtenOf(tied.pieces), threads: tied.threads });
    }
  }
  await forgetPlacements(needs, at, placed, whole);
  return { turn: at, state, listedAt, failed };
}

/** New mail is told first. */
function inboxFirst(a: FolderNow, b: FolderNow): number {
  return Number(b.row.role === "inbox") - Number(a.row.role === "inbox");
}

/**
 * Whether its counts say that a folder has not changed. Whatever happens to its messages raises HIGHESTMODSEQ (RFC 7162 §3.1.1);
 * where there is none, they say nothing of flags. Of the folder that a session has open they may be old (RFC 9051 §6.3.11): the
 * inbox is believed to be quiet for a while only.
 */
function isAsItWas({ status }: NativeFolder, row: WatchFolderRow, now: number, isInbox: boolean): boolean {
  if (status === null || status.uidValidity !== row.uidValidity || status.messages !== row.exists) return false;
  const isFresh = now - row.flagsReadAt < reread.everyMs;
  if (row.modSeq !== null && status.modSeq !== null) return status.modSeq === row.modSeq && (isFresh || !isInbox);
  return !isInbox && status.uidNext === row.uidNext && isFresh;
}

/**
 * Whether nothing has come to any of the folders between two times of which their rows tell. Of the inbox, which the session may have
 * open, the listing's UIDNEXT may be old: there any change counts, where it is told.
 */
function isStill(before: WatchFolderRow[], after: WatchFolderRow[], watched: FolderRow[]): boolean {
  const was = new Map(before.map((row) => [row.folder, row]));
  const is = new Map(after.map((row) => [row.folder, row]));
  return watched.every(({ number, role }) => {
    const [one, other] = [was.get(number), is.get(number)];
    if (one === undefined || other === undefined || one.uidValidity !== other.uidValidity) return false;
    return one.uidNext === other.uidNext && (role !== "inbox" || one.modSeq === other.modSeq);
  });
}

function worse(one: LookedAt, other: LookedAt): LookedAt {
  if (one === "more" || other === "more") return "more";
  return one === "waiting" ? one : other;
}

/**
 * Folders that are watched no more: what they held reads as deleted, unless it turns up in another one. A message that is known
 * by its place only can't.
 */
async function unwatch(needs: LookNeeds, turn: FolderTurn, rows: WatchFolderRow[], now: number): Promise<void> {
  const { account } = turn;
  const numbers = turn.watched.map(({ number }) => number);
  for (const { folder, uidValidity } of rows) {
    const chunks = await needs.watches.chunks(account.id, folder);
    const others = otherSnapshots(needs, turn, folder);
    for (const chunk of chunks) {
      const entries = decodeEntries(chunk.entries);
      const lasting = await lastingKeys(
        needs,
        account,
        entries.map(({ key }) => key),
      );
      const copies = await others.find(lasting);
      const put = entries
        .filter(({ key }) => !copies.has(key))
        .map(({ uid, key }) => {
          const gone = { folder, uidValidity, uid, since: now - 1 };
          return lasting.has(key) ? holdOf(account, key, gone, numbers) : holdOf(account, null, gone, []);
        });
      const chunks = { folder, clear: false, put: [], remove: [chunk.n] };
      await write(needs, turn, { held: { put, remove: [] }, chunks });
    }
    await write(needs, turn, { unwatched: [folder] });
  }
}

/** What has gone from a folder may have been moved to a new one, which nobody has looked at. */
async function holdForNewFolders(needs: LookNeeds, turn: FolderTurn, rows: WatchFolderRow[]): Promise<void> {
  const known = new Set(rows.map(({ folder }) => folder));
  const unknown = turn.watched.map(({ number }) => number).filter((number) => !known.has(number));
  if (unknown.length === 0) return;
  const held = await needs.watches.held(turn.account.id);
  const put = held
    .filter(({ key }) => !isPlaceKey(key))
    .map((one) => ({ ...one, waitsFor: [...new Set([...one.waitsFor, ...unknown])] }));
  for (const some of slices(put, sliceSize)) await write(needs, turn, { held: { put: some, remove: [] } });
}

/** Whether a mailbox can wait for news instead of being asked. */
export function canWait(mailbox: Mailbox): boolean {
  return mailbox.watching.kind === "folders" && mailbox.capabilities().push === "idle";
}
