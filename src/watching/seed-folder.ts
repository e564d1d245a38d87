import type { Survey } from "../mail/watch.ts";
import { rolesOf } from "../operations/folder-events.ts";
import { viewFolderRow } from "../operations/view-folder.ts";
import type { FolderRow, WatchFolderRow } from "../store/rows.ts";
import { entryOf } from "./entry.ts";
import type { LookedAt } from "./look-at-folder.ts";
import { chunksOf } from "./snapshot.ts";
import { indexedBefore } from "./thread-messages.ts";
import { newEvent } from "../store/new-event.ts";
import { write, type FolderTurn, type LookNeeds } from "./turn.ts";

/**
 * The first look at a folder: what it holds is taken down in silence, but for what the account's `watch.notifySince` asks for,
 * which the looks after it tell. A folder that came while the account was watched was empty then, as far as anybody knows: all
 * its messages are told. `before` is what is known of the folder under a UIDVALIDITY that it has no more: told as
 * `folder.reset`.
 */
export async function seedFolder(
  needs: LookNeeds,
  turn: FolderTurn,
  folder: FolderRow,
  before: WatchFolderRow | null,
): Promise<LookedAt> {
  const { account, watching } = turn;
  const now = needs.clock.now();
  const survey = await watching.survey(folder.path, needs.window);
  const isNew = before === null && turn.appeared.has(folder.number);
  const first = isNew ? 1 : before === null ? await firstToTell(turn, folder, survey) : null;
  let above = 0;
  let below = 0;
  let n = 0;
  for await (const facts of survey.facts) {
    const [seen] = facts;
    if (n === 0 && account.idStability === null && seen !== undefined)
      await needs.accounts.decideIdStability(account.id, seen.key === null ? "tracked" : "permanent");
    const quiet = facts.filter(({ uid }) => first === null || uid < first);
    above += facts.length - quiet.length;
    below += quiet.length;
    const put = chunksOf(quiet.map(entryOf), n);
    await write(needs, turn, { chunks: { folder: folder.number, clear: n === 0, put, remove: [] } });
    n += put.length;
  }
  const cursor =
    first === null
      ? survey.cursor
      : { ...survey.cursor, uidNext: first, exists: Math.max(0, survey.cursor.exists - above) };
  const row: WatchFolderRow = {
    ...cursor,
    accountId: account.id,
    folder: folder.number,
    version: (before?.version ?? 0) + 1,
    historicalBelow: first === null || isNew ? 0 : survey.cursor.uidNext,
    flagsReadAt: now,
    lastCheckedAt: now,
    lastChangedAt: before === null ? null : now,
    threadsBelow: cursor.uidNext,
    threadsLeft: Math.min(indexedBefore, below),
  };
  const data = viewFolderRow(folder, turn.folders);
  const events =
    before === null ? [] : [newEvent(account, "folder.reset", now, { ...data, actor: "external" }, rolesOf([folder]))];
  const chunks = { folder: folder.number, clear: n === 0, put: [], remove: [] };
  await write(needs, turn, { folders: [row], events, chunks });
  return first === null ? "done" : "more";
}

/** The lowest UID of what is to be told of the messages that are there already; null for none. */
async function firstToTell(turn: FolderTurn, folder: FolderRow, survey: Survey): Promise<number | null> {
  const since = turn.account.watch.notifySince;
  if (since === null) return null;
  const first = await turn.watching.firstSince(folder.path, since);
  return first !== null && first < survey.cursor.uidNext ? first : null;
}
