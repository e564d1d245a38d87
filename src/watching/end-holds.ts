import type { HeldRow } from "../store/rows.ts";
import { otherSnapshots } from "./keys.ts";
import type { Piece } from "./piece.ts";
import { nextListing } from "./held.ts";
import { sliceSize, slices } from "./slices.ts";
import { identifyGone } from "./tell-vanished.ts";
import { deletedEvent, type FolderTurn, type LookNeeds } from "./turn.ts";

/**
 * What becomes of messages that are held, a slice at a time: those that were held before `begun`, and have turned up in none of
 * the folders that have been `looked` at since then, wait for the rest; where there is no rest they are told as deleted.
 */
export async function* endHolds(
  needs: LookNeeds,
  turn: FolderTurn,
  held: HeldRow[],
  { looked, begun }: { looked: Set<number>; begun: number },
): AsyncGenerator<Piece[]> {
  const isWatched = new Set([nextListing, ...turn.watched.map(({ number }) => number)]);
  const over: HeldRow[] = [];
  const waiting: Piece[] = [];
  for (const one of held) {
    if (one.since >= begun) continue;
    const waitsFor = one.waitsFor.filter((number) => isWatched.has(number) && !looked.has(number));
    if (waitsFor.length === 0) over.push(one);
    else if (waitsFor.length < one.waitsFor.length) waiting.push({ event: null, hold: { ...one, waitsFor } });
  }
  yield* slices(waiting, sliceSize);
  if (over.length === 0) return;
  const there = await otherSnapshots(needs, turn, null).find(over.map(({ key }) => key));
  const turnedUp = over.filter(({ key }) => there.has(key));
  yield* slices(
    turnedUp.map(({ key }): Piece => ({ event: null, unhold: key })),
    sliceSize,
  );
  for (const ofFolder of Map.groupBy(
    over.filter(({ key }) => !there.has(key)),
    ({ folder, uidValidity }) => `${folder}/${uidValidity}`,
  ).values())
    for (const some of slices(ofFolder, sliceSize)) yield await tellDeleted(needs, turn, some);
}

/** Held messages of one folder turned up nowhere. */
async function tellDeleted(needs: LookNeeds, turn: FolderTurn, gone: HeldRow[]): Promise<Piece[]> {
  const [{ folder: number, uidValidity } = { folder: 0, uidValidity: 0 }] = gone;
  const from = turn.folders.find((one) => one.number === number);
  const ids = await identifyGone(needs, turn, from ?? { number, path: "" }, uidValidity, gone);
  const folderIds = from === undefined ? [] : [from.id];
  return gone.map(({ key }, index) => ({
    event: deletedEvent(turn.account, { id: ids[index] ?? "", folderIds, actor: "external" }, needs.clock.now()),
    unhold: key,
  }));
}
