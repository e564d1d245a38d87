import { Failure } from "../errors.ts";
import type { Clock, Log } from "../observe.ts";
import type { DeliveryStore } from "../store/webhook-store.ts";

/** An outcome, as it is to be written. */
export type Outcome = Parameters<DeliveryStore["settle"]>[0][number];

export type SettleNeeds = {
  deliveries: Pick<DeliveryStore, "settle">;
  clock: Clock;
  log: Log;
};

/** Written in one atomic, at most. */
const atOnce = 250;
/** Between two writes, milliseconds: a write takes as long for many as for one. */
const gatherMs = 10;
/** Between tries when the database can't be used, milliseconds: the first, and the longest. */
const pauses = { first: 100, longest: 2_000 };

/**
 * Writes outcomes, one write after another: what ends while one is under way, and shortly after, gathers for the next. While the database can't be
 * used it is tried again: what a receiver answered is known only here. `written` is told after each write, and awaited.
 */
export function settleDeliveries(needs: SettleNeeds, written: (outcomes: Outcome[]) => Promise<void>) {
  const { deliveries, clock, log } = needs;
  let gathered: Outcome[] = [];
  let writing: Promise<void> | null = null;
  const ending = new AbortController();
  let until = Infinity;
  let isStuck = false;

  async function writeAll(): Promise<void> {
    while (gathered.length > 0) {
      const batch = gathered.slice(0, atOnce);
      gathered = gathered.slice(atOnce);
      await insist(batch);
      await written(batch);
      if (gathered.length < atOnce) await clock.sleep(gatherMs, ending.signal);
    }
    writing = null;
  }

  async function insist(batch: Outcome[]): Promise<void> {
    for (let pause = pauses.first; ; pause = Math.min(pause * 2, pauses.longest)) {
      try {
        await deliveries.settle(batch);
        isStuck = false;
        return;
      } catch (error) {
        const isAway = error instanceof Failure && error.code === "storage-unavailable";
        isStuck = isAway;
        if (!isAway && batch.length > 1) return writeSingly(batch);
        if (!isAway || clock.now() >= until) {
          // Their claims run out by themselves; they are delivered again.
          log.write("error", "webhook.unsettled", { deliveryIds: batch.map(({ id }) => id), error });
          return;
        }
      }
      await clock.sleep(pause);
    }
  }

  /** One that can't be written takes no other with it. */
  async function writeSingly(batch: Outcome[]): Promise<void> {
    for (const one of batch) await insist([one]);
  }

  return {
    /** To be written as soon as may be. */
    add(outcome: Outcome): void {
      gathered.push(outcome);
      writing ??= writeAll();
    },

    /** The database could not be used when an outcome was to be written last. */
    isStuck: () => isStuck,

    /** Resolves when everything is written; after `by`, milliseconds since the epoch, what fails is not tried again. */
    async end(by: number): Promise<void> {
      until = by;
      ending.abort("ending");
      await writing;
    },
  };
}
