import { maildropKeyOf, maildropKeyText, type MaildropKey } from "../mail/maildrop.ts";
import type { MaildropPlace, Summary } from "../mail/message.ts";
import type { MaildropWatching } from "../mail/watch.ts";
import { identifyMessages } from "../operations/identify-messages.ts";
import { rolesOf } from "../operations/folder-events.ts";
import { viewFolderRow } from "../operations/view-folder.ts";
import { viewMessage } from "../operations/view-message.ts";
import { maildropLogin } from "../sessions/kept-maildrop.ts";
import { encodeMessageId } from "../mail/id.ts";
import type { AccountRow, FolderRow, NewEvent, SnapshotChunk, ThreadChange, WatchFolderRow } from "../store/rows.ts";
import { type Entry, flagBits, keywordDigest } from "./entry.ts";
import { bouncedEvent, findBounces } from "./find-bounces.ts";
import type { LookedAt } from "./look-at-folder.ts";
import { isRemovedByUs } from "./own-doing.ts";
import { sliceSize, slices } from "./slices.ts";
import { type Piece, writtenOf } from "./piece.ts";
import { chunksOf, decodeEntries, type Edit, editChunks } from "./snapshot.ts";
import { indexedBefore, threaded, tieThreads } from "./thread-messages.ts";
import { isHistorical } from "./tell-created.ts";
import { newEvent } from "../store/new-event.ts";
import { deletedEvent, type AnyTurn, type LookNeeds, write } from "./turn.ts";

/**
 * Looks at a maildrop: all it holds against what is known of it. There is no folder, no flag that others set, and no order that
 * can be relied on; every message counts, also beyond the window.
 */
export async function lookAtMaildrop(
  needs: LookNeeds,
  turn: AnyTurn,
  watching: MaildropWatching,
  inbox: FolderRow,
): Promise<LookedAt> {
  const { account } = turn;
  const keys = await watching.keys();
  turn.progress();
  const row = (await needs.watches.folders(account.id)).find(({ folder }) => folder === inbox.number);
  if (row === undefined || row.uidValidity !== loginNumber(account)) return seed(needs, turn, inbox, keys, row ?? null);

  const chunks = await needs.watches.chunks(account.id, inbox.number);
  const known = new Map(chunks.flatMap(({ entries }) => decodeEntries(entries)).map((entry) => [entry.key, entry]));
  const there = new Set(keys.map(maildropKeyText));
  const gone = [...known.values()].filter(({ key }) => !there.has(key));
  const created = keys.filter((key) => !known.has(maildropKeyText(key)));
  const books = { row, chunks };
  for (const some of slices(gone, sliceSize)) await tellGone(needs, turn, inbox, books, some);
  const some = created.slice(0, sliceSize);
  const told = some.length === 0 ? 0 : await tellCreated(needs, turn, inbox, books, some);
  return created.length > told ? "more" : "done";
}

type Books = { row: WatchFolderRow; chunks: SnapshotChunk[] };

/** A maildrop of another host or user is another one, as a folder with another UIDVALIDITY is. */
function loginNumber(account: AccountRow): number {
  return Buffer.from(maildropLogin(account), "base64url").readUInt32BE(0);
}

/** What is there already is taken down in silence, but for what the account's `watch.notifySince` asks for. */
async function seed(
  needs: LookNeeds,
  turn: AnyTurn,
  inbox: FolderRow,
  keys: MaildropKey[],
  before: WatchFolderRow | null,
): Promise<LookedAt> {
  const { account } = turn;
  const now = needs.clock.now();
  const quiet = before === null ? keys.slice(0, await firstToTell(needs, turn, inbox, keys)) : keys;
  const put = chunksOf(
    quiet.map((key, index) => entryOf(key, index + 1)),
    0,
  );
  const row: WatchFolderRow = {
    accountId: account.id,
    folder: inbox.number,
    uidValidity: loginNumber(account),
    uidNext: quiet.length + 1,
    modSeq: null,
    exists: quiet.length,
    version: (before?.version ?? 0) + 1,
    historicalBelow: quiet.length < keys.length ? keys.length + 1 : 0,
    flagsReadAt: now,
    lastCheckedAt: now,
    lastChangedAt: before === null ? null : now,
    threadsBelow: quiet.length + 1,
    threadsLeft: Math.min(indexedBefore, quiet.length),
  };
  const data = { ...viewFolderRow(inbox, [inbox]), actor: "external" };
  const events = before === null ? [] : [newEvent(account, "folder.reset", now, data, rolesOf([inbox]))];
  await write(needs, turn, { folders: [row], events, chunks: { folder: inbox.number, clear: true, put, remove: [] } });
  return quiet.length < keys.length ? "more" : "done";
}

/** The index of the oldest message to be told: those behind all have come since; `keys.length` for none. */
async function firstToTell(needs: LookNeeds, turn: AnyTurn, inbox: FolderRow, keys: MaildropKey[]): Promise<number> {
  const since = turn.account.watch.notifySince;
  if (since === null) return keys.length;
  const lowest = Math.max(0, keys.length - needs.window);
  let first = keys.length;
  while (first > lowest) {
    const some = keys.slice(Math.max(lowest, first - sliceSize), first);
    const summaries = await summariesOf(turn, inbox, some);
    turn.progress();
    const recent = summaries.filter(({ receivedAt }) => receivedAt !== null && receivedAt >= since);
    if (recent.length === 0) return first;
    first -= some.length;
  }
  return first;
}

async function summariesOf(turn: AnyTurn, inbox: FolderRow, keys: MaildropKey[]): Promise<Summary<MaildropPlace>[]> {
  const summaries = await turn.mailbox.summaries(keys.map((key) => ({ path: inbox.path, key })));
  return summaries.flatMap((summary) => ("key" in summary.place ? [{ ...summary, place: summary.place }] : []));
}

function entryOf(key: MaildropKey, uid: number): Entry {
  return { uid, flags: 0, keywords: 0, key: maildropKeyText(key) };
}

async function tellGone(needs: LookNeeds, turn: AnyTurn, inbox: FolderRow, books: Books, gone: Entry[]): Promise<void> {
  const { account } = turn;
  const now = needs.clock.now();
  const idKey = needs.idKey(account);
  const login = maildropLogin(account);
  const intents = await needs.intents.list(account.id, now);
  const events = gone.map(({ key }) => {
    const actor = isRemovedByUs(intents, key) ? "api" : "external";
    const id = encodeMessageId({ tier: "maildrop", login, key: maildropKeyOf(key) }, idKey);
    return deletedEvent(account, { id, folderIds: [inbox.id], actor }, now);
  });
  const uids = gone.map(({ uid }) => uid);
  const edit = { put: [], remove: new Set(uids) };
  const { threads } = await tieThreads(needs, account.id, [], [{ folder: inbox.number, uids, below: 0 }]);
  await close(needs, turn, inbox, books, { edit, events, threads, uidNext: books.row.uidNext });
}

/** Tells of new messages; of how many of the first ones, one at least. */
async function tellCreated(
  needs: LookNeeds,
  turn: AnyTurn,
  inbox: FolderRow,
  books: Books,
  keys: MaildropKey[],
): Promise<number> {
  const { account } = turn;
  const now = needs.clock.now();
  const { row } = books;
  const all = await summariesOf(turn, inbox, keys);
  const numbers = new Map(keys.map((key, index) => [maildropKeyText(key), row.uidNext + index]));
  const uidOf = ({ place: { key } }: Summary<MaildropPlace>): number =>
    numbers.get(maildropKeyText(key)) ?? row.uidNext;
  const historicalOf = (summary: Summary<MaildropPlace>): boolean | null =>
    isHistorical(account, row, { uid: uidOf(summary), receivedAt: summary.receivedAt });
  const { reach, bounces } = await findBounces(needs, turn, all, (one) => historicalOf(one) === false);
  const summaries = all.slice(0, reach);
  const next = all[reach];
  const count = next === undefined ? keys.length : uidOf(next) - row.uidNext;

  const ids = await identifyMessages(needs, account, inbox, summaries);
  const pieces = summaries.map((summary, index): Piece => {
    const at = { folder: inbox.number, uidValidity: row.uidValidity, uid: uidOf(summary) };
    const arrival = threaded(needs, account, summary, at);
    const historical = historicalOf(summary);
    if (historical === null) return { event: null, arrival };
    const known = { id: ids[index] ?? "", folderIds: [inbox.id] };
    const view = viewMessage(summary, { ...known, accountId: account.id });
    const event = newEvent(account, "message.created", now, { ...view, actor: "external", historical });
    const bounce = bounces.get(summary);
    return { event, arrival, ...(bounce !== undefined && { also: bouncedEvent(account, known, bounce, now) }) };
  });
  const told = new Map(summaries.map((summary) => [maildropKeyText(summary.place.key), summary]));
  const put = keys.slice(0, count).map((key, index) => {
    const entry = entryOf(key, row.uidNext + index);
    const summary = told.get(entry.key);
    return summary ? { ...entry, flags: flagBits(summary.flags), keywords: keywordDigest(summary.keywords) } : entry;
  });
  const { pieces: tied, threads } = await tieThreads(needs, account.id, pieces);
  const { events } = writtenOf(tied);
  const edit = { put, remove: new Set<number>() };
  await close(needs, turn, inbox, books, { edit, events, threads, uidNext: row.uidNext + count });
  return count;
}

async function close(
  needs: LookNeeds,
  turn: AnyTurn,
  inbox: FolderRow,
  books: Books,
  { edit, events, threads, uidNext }: { edit: Edit; events: NewEvent[]; threads: ThreadChange; uidNext: number },
): Promise<void> {
  const now = needs.clock.now();
  const { put, remove, after } = editChunks(books.chunks, edit, Infinity);
  const exists = books.row.exists + edit.put.length - edit.remove.size;
  const row = { ...books.row, version: books.row.version + 1, uidNext, exists, lastCheckedAt: now, lastChangedAt: now };
  const chunks = { folder: inbox.number, clear: false, put, remove };
  await write(needs, turn, { folders: [row], events, threads, chunks });
  books.row = row;
  books.chunks = after;
}
