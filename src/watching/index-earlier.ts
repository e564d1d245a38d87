import { Failure } from "../errors.ts";
import type { FolderRole } from "../mail/folder.ts";
import { maildropKeyOf, maildropKeyText } from "../mail/maildrop.ts";
import type { Place } from "../mail/message.ts";
import type { FolderRow, WatchFolderRow } from "../store/rows.ts";
import type { Entry } from "./entry.ts";
import { sliceSize } from "./slices.ts";
import { decodeEntries } from "./snapshot.ts";
import { threaded, tieThreads } from "./thread-messages.ts";
import { type LookNeeds, type Turn, write } from "./turn.ts";

/** Whose messages come first into the index of threads. */
const first: (FolderRole | null)[] = ["inbox", "sent", "archive", "allMail"];

/**
 * Puts some more of what folders held before they were watched into the index of threads: up to a hundred messages, of each
 * folder the newest first. Nothing is told of them. "idle": there was nothing to do; "more": there is more to be done now. What
 * the server fails with is no failure here: the same messages are asked for again some time, and each time fewer are wanted.
 */
export async function indexEarlier(needs: LookNeeds, turn: Turn): Promise<"idle" | "done" | "more"> {
  const { account } = turn;
  const { watching } = turn.mailbox;
  // Hundreds of messages are not downloaded for it.
  if (watching.kind === "maildrop" && watching.bodiesOnly) return "idle";
  const due = (await needs.watches.folders(account.id)).filter(({ threadsLeft }) => threadsLeft > 0);
  if (due.length === 0) return "idle";
  const folders = await needs.folders.list(account.id);
  const folderOf = new Map(folders.map((folder) => [folder.number, folder]));
  const rankOf = ({ folder }: WatchFolderRow): number => {
    const rank = first.indexOf(folderOf.get(folder)?.role ?? null);
    return rank < 0 ? first.length : rank;
  };
  let room = sliceSize;
  for (const row of due.toSorted((a, b) => rankOf(a) - rankOf(b))) {
    if (room === 0) return "more";
    const folder = folderOf.get(row.folder);
    if (folder === undefined) continue;
    const wanted = Math.min(room, row.threadsLeft);
    const entries = await newestBelow(needs, row, wanted);
    room -= entries.length;
    if (!(await indexSome(needs, { ...turn, folders }, { row, folder, entries, isLast: entries.length < wanted })))
      return "done";
  }
  return room === 0 ? "more" : "done";
}

/** What the snapshot has of a folder below where the index of threads has come, ascending. */
async function newestBelow(needs: LookNeeds, row: WatchFolderRow, count: number): Promise<Entry[]> {
  const chunks = await needs.watches.chunks(row.accountId, row.folder);
  const found: Entry[] = [];
  for (const { entries } of chunks.toReversed()) {
    found.unshift(...decodeEntries(entries).filter(({ uid }) => uid < row.threadsBelow));
    if (found.length >= count) break;
  }
  return found.slice(-count);
}

/** False where the server failed. */
async function indexSome(
  needs: LookNeeds,
  turn: Turn & { folders: FolderRow[] },
  { row, folder, entries, isLast }: { row: WatchFolderRow; folder: FolderRow; entries: Entry[]; isLast: boolean },
): Promise<boolean> {
  const { account, mailbox } = turn;
  const inMaildrop = mailbox.watching.kind === "maildrop";
  const uids = new Map(entries.map(({ key, uid }) => [key, uid]));
  const placeOf = ({ uid, key }: Entry): Place =>
    inMaildrop
      ? { path: folder.path, key: maildropKeyOf(key) }
      : { path: folder.path, uidValidity: row.uidValidity, uid };
  const left = isLast ? 0 : row.threadsLeft - entries.length;
  const next = { ...row, version: row.version + 1, threadsLeft: left };
  try {
    const summaries = entries.length === 0 ? [] : await mailbox.summaries(entries.map(placeOf));
    const pieces = summaries.flatMap((summary) => {
      const { place } = summary;
      const uid = "uid" in place ? place.uid : uids.get(maildropKeyText(place.key));
      if (uid === undefined) return [];
      const at = { folder: row.folder, uidValidity: row.uidValidity, uid };
      return [{ event: null, arrival: threaded(needs, account, summary, at) }];
    });
    const { threads } = await tieThreads(needs, account.id, pieces);
    const threadsBelow = entries[0]?.uid ?? row.threadsBelow;
    await write(needs, turn, { folders: [{ ...next, threadsBelow }], threads });
    return true;
  } catch (error) {
    if (!(error instanceof Failure) || error.code === "storage-unavailable") throw error;
    await write(needs, turn, { folders: [next] });
    return false;
  }
}
