import type { FolderStatus } from "../mail/folder.ts";
import type { Look } from "../mail/watch.ts";
import type { FolderRow, IntentRow, SnapshotChunk, WatchFolderRow } from "../store/rows.ts";
import { entryOf, type Entry } from "./entry.ts";
import { lastingKeys, otherSnapshots, textOf, type OtherSnapshots } from "./keys.ts";
import { findBounces } from "./find-bounces.ts";
import { openBooks, reread } from "./books.ts";
import { belowWindow, haveSetFlags, heldFrom, isMoving, pathsTo, placeKey, standing } from "./own-doing.ts";
import { seedFolder } from "./seed-folder.ts";
import { sliceSize, slices } from "./slices.ts";
import { findEntries, findKeys, lowestUid, uidsOf } from "./snapshot.ts";
import { tellChanged } from "./tell-changed.ts";
import { endHolds, holdAnew } from "./end-holds.ts";
import { isNews, tellCreated } from "./tell-created.ts";
import { partReturned, tellReturned } from "./tell-returned.ts";
import { tellVanished } from "./tell-vanished.ts";
import { write, type FolderTurn, type LookNeeds } from "./turn.ts";

/** "more": there is more to be told, look again; "waiting": a move of ours is under way, look again in a moment. */
export type LookedAt = "done" | "more" | "waiting";

type Hints = {
  /** The server told that flags have changed. */
  flags?: boolean;
  /** The look is part of another folder's, which waits for it: only what has gone from the folder is told. */
  within?: boolean;
  /** What was told of the folder before the look, without opening it. */
  status?: FolderStatus | null;
};

/**
 * Looks at one folder and writes what is new: events, snapshot and cursor in atomics of at most `sliceSize` events, each of
 * which leaves a point to go on from.
 */
export async function lookAtFolder(
  needs: LookNeeds,
  turn: FolderTurn,
  folder: FolderRow,
  hints: Hints = {},
): Promise<LookedAt> {
  const state = await lookOnce(needs, turn, folder, hints);
  if (state !== "cut" && state !== "waiting") return state;
  await holdAnew(needs, turn);
  if (state === "waiting") await keepFlagsDue(needs, turn, folder);
  return "waiting";
}

/** The server tells once that flags have changed; where nothing else tells it, they are due again in the look that does not wait. */
async function keepFlagsDue(needs: LookNeeds, turn: FolderTurn, folder: FolderRow): Promise<void> {
  const row = (await needs.watches.folders(turn.account.id)).find((one) => one.folder === folder.number);
  if (row === undefined || row.modSeq !== null || row.flagsReadAt === 0) return;
  await write(needs, turn, { folders: [{ ...row, flagsReadAt: 0, version: row.version + 1 }] });
}

/** "waiting" where nothing was written, "cut" where some of it was. */
async function lookOnce(
  needs: LookNeeds,
  given: FolderTurn,
  folder: FolderRow,
  hints: Hints,
): Promise<LookedAt | "cut"> {
  const turn = await withTier(needs, given);
  const { account, watching } = turn;
  const row = (await needs.watches.folders(account.id)).find((one) => one.folder === folder.number);
  if (row === undefined) return seedFolder(needs, turn, folder, null);
  const begun = needs.clock.now();
  const chunks = await needs.watches.chunks(account.id, folder.number);
  const isDue = hints.flags === true || begun - row.flagsReadAt >= reread.everyMs;
  const isRereadDue = isDue || (row.modSeq === null && (await haveSetFlags(needs, turn, row)));
  const look = await watching.look(folder.path, {
    cursor: row,
    known: async () => uidsOf(chunks),
    lowest: lowestUid(chunks) ?? row.uidNext,
    rereadFlags: isRereadDue ? reread.messages : 0,
    limit: sliceSize,
  });
  turn.progress();
  if (look === null) return seedFolder(needs, turn, folder, row);

  const sorted = await sortOut(needs, turn, folder, { row, chunks, look, within: hints.within === true });
  if (sorted === "waiting") return "waiting";
  const { changed, intents, isCut } = sorted;
  const { reach, bounces } = await findBounces(needs, turn, sorted.created, (summary) =>
    isNews(account, { folder, row, intents }, summary),
  );
  const found = cutAt(sorted, reach);
  const { cursor } = found;
  const isMore = look.more || reach < sorted.created.length;
  await splitTwins(needs, turn, found, chunks);
  const { vanished, created, returned } = await partReturned(needs, turn, folder, found);
  const others = otherSnapshots(needs, turn, folder.number);
  const keys = created.map(({ key }) => textOf(key));
  const lasting = await lastingKeys(needs, account, keys);
  const arrivals = { folder, created, intents, others, lasting };
  const there = await lookWhereTheyWere(needs, turn, arrivals);
  if (there === "waiting") return "waiting";

  const isWhole = !isMore && !isCut;
  // The highest message may be gone: a cursor that says so too is what the next count can be compared with.
  const announced = isWhole && hints.status?.uidValidity === cursor.uidValidity ? (hints.status.uidNext ?? 0) : 0;
  const uidNext = Math.max(cursor.uidNext, announced);
  const next = {
    ...row,
    ...cursor,
    uidNext,
    lastCheckedAt: begun,
    flagsReadAt: look.flagsRead ? begun : row.flagsReadAt,
  };
  const books = openBooks(needs, turn, { folder, row, chunks });
  const heldHere = new Set<string>();
  for (const some of slices(vanished, sliceSize)) {
    const told = await tellVanished(needs, turn, some, { folder, row, intents, others });
    for (const { hold } of told) if (hold !== undefined) heldHere.add(hold.key);
    await books.add(told);
  }
  for (const some of slices(changed, sliceSize)) {
    const where = { folder, row, intents, others };
    await books.add(await tellChanged(needs, turn, some, where));
  }
  if (returned.length > 0) await books.add(await tellReturned(needs, turn, returned, { folder, others }));
  const held = await needs.watches.held(account.id);
  const elsewhere = await others.find(lasting);
  const ways = pathsTo(
    intents,
    turn,
    created.map(({ place }) => ({ folder: folder.number, ...place })),
  );
  const forgotten = new Set((await belowWindow(needs, turn, ways)).map(placeKey));
  const about = { folder, row, intents, held, elsewhere, lasting, forgotten, bounces };
  const told = await tellCreated(needs, turn, created, about);
  if (isWhole) {
    const turnedUp = new Set(told.flatMap(({ unhold }) => unhold ?? []));
    // What this look holds may have been held from elsewhere before: that is over, and not written yet.
    const waiting = held.filter(({ key }) => !turnedUp.has(key) && !heldHere.has(key));
    const looked = { looked: new Set([folder.number]), begun, still: false };
    for await (const some of endHolds(needs, turn, waiting, looked)) await books.add(some);
  }
  // What is new goes out with the cursor that has passed it.
  await books.add(told);
  await books.close(next);
  const mustWait = there === "cut" || (isCut && hints.within !== true);
  return mustWait ? "cut" : isMore ? "more" : "done";
}

/** The turn with the account's tier as it is by now: the first message that was seen has decided it, maybe since the turn began. */
async function withTier(needs: LookNeeds, turn: FolderTurn): Promise<FolderTurn> {
  if (turn.account.idStability !== null) return turn;
  const account = await needs.accounts.byId(turn.account.id);
  return account === null ? turn : { ...turn, account };
}

type Found = {
  vanished: Entry[];
  changed: Entry[];
  created: Look["created"];
  cursor: Look["cursor"];
  intents: IntentRow[];
  /** New messages were held back: a move or an append of ours may have put them there. */
  isCut: boolean;
};

/** What of a look can be told now. "waiting": something has gone that a move of ours may be carrying. */
async function sortOut(
  needs: LookNeeds,
  turn: FolderTurn,
  folder: FolderRow,
  { row, chunks, look, within }: { row: WatchFolderRow; chunks: SnapshotChunk[]; look: Look; within: boolean },
): Promise<Found | "waiting"> {
  const isNews = look.created.length + look.vanished.length + look.changed.length > 0;
  const intents = isNews ? await needs.intents.list(turn.account.id, needs.clock.now()) : [];
  const { uidValidity } = row;
  const vanished = [...findEntries(chunks, look.vanished).values()];
  if (vanished.some(({ uid }) => isMoving(intents, { folder: folder.number, uidValidity, uid }))) return "waiting";

  const entries = findEntries(
    chunks,
    look.changed.map(({ uid }) => uid),
  );
  const gone = new Set(look.vanished);
  const changed = look.changed.flatMap((fact) => {
    const known = entries.get(fact.uid);
    const now = entryOf(fact);
    const isSame = known === undefined || (known.flags === now.flags && known.keywords === now.keywords);
    return isSame || gone.has(fact.uid) ? [] : [known];
  });

  const from = within ? 0 : heldFrom(intents, folder.number);
  const created = look.created.filter(({ place }) => place.uid < from);
  const isCut = created.length < look.created.length;
  const all = { vanished, changed, created: look.created, cursor: look.cursor, intents, isCut };
  return cutAt(all, created.length);
}

/** Without the new messages behind the first ones: the next look goes on with them. */
function cutAt(found: Found, reach: number): Found {
  const next = found.created[reach];
  if (next === undefined) return found;
  const exists = found.cursor.exists - (found.created.length - reach);
  const cursor = { ...found.cursor, uidNext: next.place.uid, exists };
  return { ...found, created: found.created.slice(0, reach), cursor };
}

/**
 * A new message whose key stands in the snapshot of another folder was copied, or moved from there, maybe by us: that folder is
 * looked at before it is told, and holds the message then if it was moved. "waiting": that can't be told yet; "cut": it can, and
 * something else there can't.
 */
async function lookWhereTheyWere(
  needs: LookNeeds,
  turn: FolderTurn,
  about: {
    folder: FolderRow;
    created: Look["created"];
    intents: IntentRow[];
    others: OtherSnapshots;
    lasting: Set<string>;
  },
): Promise<"done" | "cut" | "waiting"> {
  const { folder, created, intents, others, lasting } = about;
  if (created.length === 0) return "done";
  const elsewhere = await others.find(lasting);
  const here = created.map(({ place }) => ({ folder: folder.number, ...place }));
  const paths = pathsTo(intents, turn, here).filter((at) => at.folder !== folder.number);
  const moved = await standing(needs, turn, paths);
  const copied = [...elsewhere.values()].flat();
  const numbers = new Set([...moved.map((at) => at.folder), ...copied.map((copy) => copy.folder.number)]);
  const stuck = new Set<number>();
  for (const other of turn.watched.filter(({ number }) => numbers.has(number)))
    if ((await lookAtFolder(needs, turn, other, { within: true })) === "waiting") stuck.add(other.number);
  if (numbers.size > 0) others.again();
  if (stuck.size === 0) return "done";
  const still = [...(await others.find(lasting)).values()].flat().map((copy) => copy.folder.number);
  still.push(...(await standing(needs, turn, moved)).map((at) => at.folder));
  return still.some((number) => stuck.has(number)) ? "waiting" : "cut";
}

/** A key that stands twice in one folder names none of its messages for life (DESIGN §4). */
async function splitTwins(
  needs: LookNeeds,
  { account }: FolderTurn,
  { created, vanished }: Pick<Found, "created" | "vanished">,
  chunks: SnapshotChunk[],
): Promise<void> {
  if (account.idStability !== "permanent") return;
  const keys = created.map(({ key }) => textOf(key));
  const twice = keys.filter((key, index) => key !== "" && keys.indexOf(key) !== index);
  const gone = new Set(vanished.map(({ uid }) => uid));
  const standing = [...findKeys(chunks, keys)].filter(([, uid]) => !gone.has(uid)).map(([key]) => key);
  const twins = new Set([...twice, ...standing]);
  if (twins.size > 0) await needs.splitKeys.add(account.id, [...twins]);
}
