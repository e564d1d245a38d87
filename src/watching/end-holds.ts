import type { HeldRow } from "../store/rows.ts";
import type { Piece } from "./piece.ts";
import { identifyGone } from "./tell-vanished.ts";
import { deletedEvent, type FolderTurn, type LookNeeds } from "./turn.ts";

/**
 * What becomes of messages that are held: those that were held before `begun`, and have turned up in none of the folders that
 * have been `looked` at since then, wait for the rest; where there is no rest they are told as deleted.
 */
export async function endHolds(
  needs: LookNeeds,
  turn: FolderTurn,
  held: HeldRow[],
  { looked, begun }: { looked: Set<number>; begun: number },
): Promise<Piece[]> {
  const isWatched = new Set(turn.watched.map(({ number }) => number));
  const pieces: Piece[] = [];
  for (const one of held) {
    if (one.since >= begun) continue;
    const waitsFor = one.waitsFor.filter((number) => isWatched.has(number) && !looked.has(number));
    if (waitsFor.length === 0) pieces.push(await tellDeleted(needs, turn, one));
    else if (waitsFor.length < one.waitsFor.length) pieces.push({ event: null, hold: { ...one, waitsFor } });
  }
  return pieces;
}

/** A held message turned up nowhere. */
async function tellDeleted(needs: LookNeeds, turn: FolderTurn, one: HeldRow): Promise<Piece> {
  const from = turn.folders.find(({ number }) => number === one.folder);
  if (from === undefined) return { event: null, unhold: one.key };
  const [id = ""] = await identifyGone(needs, turn, from, one.uidValidity, [{ uid: one.uid, key: one.key }]);
  const event = deletedEvent(turn.account, { id, folderIds: [from.id], actor: "external" }, needs.clock.now());
  return { event, unhold: one.key };
}
