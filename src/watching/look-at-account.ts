import type { Mailbox } from "../mail/mailbox.ts";
import type { NativeFolder } from "../mail/folder.ts";
import { syncFolders } from "../operations/sync-folders.ts";
import type { AccountRow, FolderRow, WatchFolderRow } from "../store/rows.ts";
import { endHolds } from "./end-holds.ts";
import { lookAtFolder, type LookedAt } from "./look-at-folder.ts";
import { lookAtMaildrop } from "./look-at-maildrop.ts";
import { type FolderTurn, type LookNeeds, type Turn, write } from "./turn.ts";

/** How often flags are read again where the server can't tell which have changed, milliseconds. */
const rereadMs = 5 * 60_000;

/** How a look went: a turn to look at single folders with, or null for a maildrop; and whether there is more to tell. */
export type Looked = { turn: FolderTurn | null; state: LookedAt };

/**
 * Looks at the whole account once: which folders there are, and what is new in those that are watched. `since` is when it was
 * looked at last, milliseconds, or null. Throws `Overtaken`; fails with what the mail server or the line failed with.
 */
export async function lookAtAccount(needs: LookNeeds, turn: Turn, since: number | null): Promise<Looked> {
  const { account, mailbox } = turn;
  const { watching } = mailbox;
  const begun = needs.clock.now();
  const natives = await mailbox.folders();
  turn.progress();
  const synced = await syncFolders(needs, account, natives);
  const folders = synced.map(({ row }) => row);
  const watched = synced.filter(({ row }) => row.selectable && isWanted(account, row));
  await unwatchOthers(
    needs,
    turn,
    watched.map(({ row }) => row),
  );
  const [inbox] = watched;
  if (watching.kind === "maildrop") {
    const state = inbox === undefined ? "done" : await lookAtMaildrop(needs, turn, watching, inbox.row);
    return { turn: null, state };
  }
  const appeared = new Set(
    since === null ? [] : folders.filter(({ firstSeenAt }) => firstSeenAt > since).map(({ number }) => number),
  );
  const at: FolderTurn = { ...turn, watching, folders, appeared, watched: watched.map(({ row }) => row) };

  const rows = new Map((await needs.watches.folders(account.id)).map((row) => [row.folder, row]));
  const quiet = new Set<number>();
  let state: LookedAt = "done";
  for (const { row, native } of watched) {
    const known = rows.get(row.number);
    if (row.role !== "inbox" && known !== undefined && isAsItWas(native, known, begun)) quiet.add(row.number);
    else
      state = worse(state, await lookAtFolder(needs, at, row, { status: row.role === "inbox" ? null : native.status }));
  }
  await settleHolds(needs, at, quiet, begun);
  return { turn: at, state };
}

function isWanted({ watch }: AccountRow, { role }: FolderRow): boolean {
  return watch.folders === "all" || (role !== null && watch.folders.includes(role));
}

/**
 * Whether its counts say that a folder has not changed. Whatever happens to its messages raises HIGHESTMODSEQ (RFC 7162 §3.1.1);
 * where there is none, they say nothing of flags.
 */
function isAsItWas({ status }: NativeFolder, row: WatchFolderRow, now: number): boolean {
  if (status === null || status.uidValidity !== row.uidValidity || status.messages !== row.exists) return false;
  if (row.modSeq !== null && status.modSeq !== null) return status.modSeq === row.modSeq;
  return status.uidNext === row.uidNext && now - row.flagsReadAt < rereadMs;
}

function worse(one: LookedAt, other: LookedAt): LookedAt {
  if (one === "more" || other === "more") return "more";
  return one === "waiting" ? one : other;
}

async function unwatchOthers(needs: LookNeeds, turn: Turn, watched: FolderRow[]): Promise<void> {
  const numbers = new Set(watched.map(({ number }) => number));
  const rows = await needs.watches.folders(turn.account.id);
  const unwatched = rows.filter(({ folder }) => !numbers.has(folder)).map(({ folder }) => folder);
  if (unwatched.length > 0) await write(needs, turn, { unwatched });
}

/** Folders that are as they were have been looked at too: what is held waits for them no more. */
async function settleHolds(needs: LookNeeds, turn: FolderTurn, looked: Set<number>, begun: number): Promise<void> {
  const held = await needs.watches.held(turn.account.id);
  const pieces = await endHolds(needs, turn, held, { looked, begun });
  if (pieces.length === 0) return;
  await write(needs, turn, {
    events: pieces.flatMap(({ event }) => event ?? []),
    held: { put: pieces.flatMap(({ hold }) => hold ?? []), remove: pieces.flatMap(({ unhold }) => unhold ?? []) },
  });
}

/** Whether a mailbox can wait for news instead of being asked. */
export function canWait(mailbox: Mailbox): boolean {
  return mailbox.watching.kind === "folders" && mailbox.capabilities().push === "idle";
}
