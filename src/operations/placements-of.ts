import { type Origin, originText } from "../mail/id.ts";
import type { Clock } from "../observe.ts";
import type { AccountRow, PlacementRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

export type PlacementsOf = {
  placements: Pick<Store["placements"], "find">;
  intents: Pick<Store["intents"], "live">;
  clock: Clock;
};

/** How often, and how far apart in milliseconds, a move that is under way is asked after. */
const patience = { tries: 20, ms: 50 };

/** Where tracked messages are as far as Postern knows, in their order: where they were seen first, unless they were moved since. */
export async function placementsOf(
  { placements }: Pick<PlacementsOf, "placements">,
  { id: accountId }: AccountRow,
  origins: Origin[],
): Promise<PlacementRow[]> {
  const moved = await placements.find(accountId, origins);
  const rowOf = new Map(moved.map((row) => [originText(row.origin), row]));
  return origins.map((origin) => rowOf.get(originText(origin)) ?? { accountId, origin, now: origin });
}

/** Where other requests have moved them meanwhile, in their order; null for those that none has. What is under way is waited for, a second at most. */
export async function movedOn(
  needs: PlacementsOf,
  account: AccountRow,
  seen: PlacementRow[],
): Promise<(PlacementRow | null)[]> {
  for (let tries = 1; ; tries += 1) {
    const known = await placementsOf(
      needs,
      account,
      seen.map(({ origin }) => origin),
    );
    const further = known.map((row, index) => {
      const before = seen[index];
      return before !== undefined && originText(row.now) !== originText(before.now) ? row : null;
    });
    if (!further.includes(null) || tries === patience.tries) return further;
    if ((await needs.intents.live(account.id, needs.clock.now())).length === 0) return further;
    await needs.clock.sleep(patience.ms);
  }
}
