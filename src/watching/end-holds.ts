import type { HeldRow, IntentRow } from "../store/rows.ts";
import { rolesOf } from "../operations/folder-events.ts";
import { viewMessage } from "../operations/view-message.ts";
import { newEvent } from "../store/new-event.ts";
import { nextListing } from "./held.ts";
import { identify, identifyGone } from "./identify.ts";
import { type Elsewhere, otherSnapshots } from "./keys.ts";
import { endOfPath, isCarried, isPlaceKey, mayBeTold, placedBy, whoseRemoval } from "./own-doing.ts";
import type { Piece } from "./piece.ts";
import { sliceSize, slices } from "./slices.ts";
import { summaryAt } from "./tell-vanished.ts";
import { threadNodes } from "./thread-messages.ts";
import { deletedEvent, type FolderTurn, type LookNeeds, write } from "./turn.ts";

/** How long what is held waits for a look that nothing comes in during, milliseconds. */
const restlessMs = 10 * 60_000;

/** How old something of ours is that a look waits for until it is taken to hold up more than that look, milliseconds. */
const longMs = 2_000;

/**
 * What becomes of messages that are held, a slice at a time: those that were held before `begun`, and have turned up in none of
 * the folders that have been `looked` at since then, wait for the rest; where there is no rest they are told as deleted. What
 * a move of ours has brought on meanwhile waits for where it is now; while one carries it, no look counts.
 *
 * Folders are looked at one after the other, and what somebody moves from one that is yet to be looked at to one that has been
 * stands in neither. It has raised UIDNEXT, which never falls again: where a listing and the looks after it show no folder with
 * a higher one than the looks before, all was in its place when the listing began, and what is in none of them is gone. So the
 * listing counts only where the account was `still`, or does not come to rest for long.
 */
export async function* endHolds(
  needs: LookNeeds,
  turn: FolderTurn,
  held: HeldRow[],
  { looked, begun, still }: { looked: Set<number>; begun: number; still: boolean },
): AsyncGenerator<Piece[]> {
  const isWatched = new Set([nextListing, ...turn.watched.map(({ number }) => number)]);
  const over: HeldRow[] = [];
  const waiting: Piece[] = [];
  const now = needs.clock.now();
  const intents = held.length === 0 ? [] : await needs.intents.list(turn.account.id, now);
  for (const one of held) {
    if (one.since >= begun || isCarried(intents, endOfPath(intents, one))) continue;
    const counts = still || isPlaceKey(one.key) || one.since < now - restlessMs;
    const isLookedAt = (number: number): boolean => looked.has(number) && (counts || number !== nextListing);
    const waitsFor = one.waitsFor.filter((number) => isWatched.has(number) && !isLookedAt(number));
    if (waitsFor.length === 0) over.push(one);
    else if (waitsFor.length < one.waitsFor.length) waiting.push({ event: null, hold: { ...one, waitsFor } });
  }
  yield* slices(waiting, sliceSize);
  if (over.length === 0) return;
  const there = await otherSnapshots(needs, turn, null).find(over.map(({ key }) => key));
  const gone: HeldRow[] = [];
  const pieces: Piece[] = [];
  for (const one of over) {
    const end = endOfPath(intents, one);
    const leg = placedBy(intents, end);
    const copies = there.get(one.key);
    if (copies !== undefined) pieces.push(await tellThere(needs, turn, one, { copies, intents }));
    else if (!still && leg !== null && leg.createdAt >= one.since && mayBeTold(turn, end.folder))
      pieces.push({ event: null, hold: { ...one, since: now, waitsFor: [nextListing, end.folder] } });
    else gone.push(one);
  }
  yield* slices(pieces, sliceSize);
  for (const some of slices(gone, sliceSize)) yield await tellDeleted(needs, turn, some, intents);
}

/** A held message lies in other folders, where it was known to lie besides. */
async function tellThere(
  needs: LookNeeds,
  turn: FolderTurn,
  one: HeldRow,
  { copies, intents }: { copies: Elsewhere[]; intents: IntentRow[] },
): Promise<Piece> {
  const summary = await summaryAt(needs, turn, copies);
  // It has gone from there as well: the next look sees that.
  if (summary === null) return { event: null };
  const { account } = turn;
  const [id = ""] = await identify(needs, turn, [one]);
  const view = viewMessage(summary, { id, accountId: account.id, folderIds: copies.map(({ folder }) => folder.id) });
  const data = { ...view, changes: ["folderIds"], actor: whoseRemoval(intents, one) };
  const from = rolesOf(turn.folders.filter(({ number }) => number === one.folder));
  const event = newEvent(account, "message.updated", needs.clock.now(), data, from);
  return { event, unhold: one.key, heldFrom: one, nodes: threadNodes(needs, account, summary) };
}

/** Held messages turned up nowhere. */
async function tellDeleted(
  needs: LookNeeds,
  turn: FolderTurn,
  gone: HeldRow[],
  intents: IntentRow[],
): Promise<Piece[]> {
  const ids = await identifyGone(needs, turn, gone);
  return gone.map((one, index) => {
    const from = turn.folders.find(({ number }) => number === one.folder);
    const folderIds = from === undefined ? [] : [from.id];
    const about = { id: ids[index] ?? "", folderIds, actor: whoseRemoval(intents, one) };
    const event = deletedEvent(turn.account, about, needs.clock.now());
    const end = endOfPath(intents, one);
    // In a folder that is watched no more it may well be, and its id names it there.
    const isOver = isPlaceKey(one.key) && turn.watched.some(({ number }) => number === end.folder);
    return { event, unhold: one.key, heldFrom: one, ...(isOver && { displaced: end }) };
  });
}

/**
 * A look has to wait for something of ours that takes long, or that was cut off. What is held may come to its folder meanwhile, and
 * go on to one that has been looked at already: it waits for all of them once more.
 */
export async function holdAnew(needs: LookNeeds, turn: FolderTurn): Promise<void> {
  const now = needs.clock.now();
  const intents = await needs.intents.list(turn.account.id, now);
  const isLong = ({ kind, settled, createdAt }: IntentRow) => kind === "place" && !settled && createdAt < now - longMs;
  if (!intents.some(isLong)) return;
  const waitsFor = [nextListing, ...turn.watched.map(({ number }) => number)];
  const held = await needs.watches.held(turn.account.id);
  const put = held
    .filter((one) => !isPlaceKey(one.key) && waitsFor.some((number) => !one.waitsFor.includes(number)))
    .map((one) => ({ ...one, waitsFor }));
  for (const some of slices(put, sliceSize)) await write(needs, turn, { held: { put: some, remove: [] } });
}
