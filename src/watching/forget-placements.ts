import type { PlacementRow } from "../store/rows.ts";
import { belowWindow, endOfPath, pathTo, placeKey, standing } from "./own-doing.ts";
import { type FolderTurn, type LookNeeds, write } from "./turn.ts";

/** How long before a look at all folders something of ours may have begun that it is the first to see the end of, milliseconds. */
const lateMs = 30 * 60_000;

/** Where a look at all folders finds the rows of what we have moved lately, listed before it; `since` is when the one before it was. */
export async function placedLately(
  needs: LookNeeds,
  { account }: Pick<FolderTurn, "account">,
  since: number | null,
): Promise<PlacementRow[]> {
  if (account.idStability === "permanent") return [];
  const intents = await needs.intents.list(account.id, needs.clock.now());
  const late = intents.filter(({ settled, createdAt }) => settled && createdAt >= (since ?? 0) - lateMs);
  const places = late.flatMap(({ placed }) => (placed === null ? [] : placed.uids.map((uid) => ({ ...placed, uid }))));
  return places.length === 0 ? [] : needs.placements.at(account.id, places);
}

/**
 * Forgets where messages were put that had gone from there before anybody looked: in folders that have been looked at since, as a
 * whole, where they will never be found gone.
 */
export async function forgetPlacements(
  needs: LookNeeds,
  turn: FolderTurn,
  placed: PlacementRow[],
  looked: Set<number>,
): Promise<void> {
  const places = placed.map(({ now }) => now).filter(({ folder }) => looked.has(folder));
  if (places.length === 0) return;
  const { account } = turn;
  const intents = await needs.intents.list(account.id, needs.clock.now());
  const held = await needs.watches.held(account.id);
  const ways = places.map((at) => [at, ...pathTo(intents, at)]);
  const ends = held.map((one) => endOfPath(intents, one));
  const known = new Set([...(await standing(needs, turn, ways.flat())), ...ends].map(placeKey));
  const below = new Set(await belowWindow(needs, turn, places));
  // What is known under a place before is yet to be found gone from there.
  const remove = places.filter((at, n) => !below.has(at) && !ways[n]?.some((one) => known.has(placeKey(one))));
  if (remove.length > 0) await write(needs, turn, { placements: { remove } });
}
