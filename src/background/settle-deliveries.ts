import type { Clock, Log } from "../observe.ts";
import type { DeliveryStore } from "../store/webhook-store.ts";
import { writeGathered } from "./write-gathered.ts";

/** An outcome, as it is to be written. */
export type Outcome = Parameters<DeliveryStore["settle"]>[0][number];

export type SettleNeeds = {
  deliveries: Pick<DeliveryStore, "settle">;
  clock: Clock;
  log: Log;
};

/** Writes outcomes (`writeGathered`). `written` is told after each write, and awaited. */
export function settleDeliveries(needs: SettleNeeds, written: (outcomes: Outcome[]) => Promise<void>) {
  const { deliveries, clock, log } = needs;
  return writeGathered<Outcome>({
    clock,
    atOnce: 250,
    gatherMs: 10,
    wholeTurn: false,
    async writeAll(batch, insist) {
      await insist(batch);
      await written(batch);
    },
    async write(part) {
      await deliveries.settle(part);
    },
    lose(part, error) {
      // Their claims run out by themselves; they are delivered again.
      log.write("error", "webhook.unsettled", { deliveryIds: part.map(({ id }) => id), error });
    },
  });
}
