import type { Wake, WakeTopic } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";

type Waiter = { settle(woken: boolean): void };

/** Who waits for what: a key of a topic, or any key of it. */
const placeOf = (topic: WakeTopic, key: string | null) => (key === null ? topic : `${topic} ${key}`);

/**
 * `Wake` for one process. Who waits for any key of a topic (a loop) misses nothing: a wake that came while it was at work ends
 * its next wait at once. Who waits for one key asks after he has begun to wait.
 */
export function createInProcessWake(clock: Clock): Wake {
  const waiting = new Map<string, Set<Waiter>>();
  const missed = new Set<WakeTopic>();

  /** Wakes all who wait in a place; false when there was nobody. */
  function wakeAt(place: string): boolean {
    const waiters = waiting.get(place);
    for (const waiter of waiters ?? []) waiter.settle(true);
    return waiters !== undefined;
  }

  return {
    wake(topic, key) {
      wakeAt(placeOf(topic, key));
      if (!wakeAt(placeOf(topic, null))) missed.add(topic);
    },
    wait(topic, key, ms, signal) {
      if (signal?.aborted === true) return Promise.resolve(false);
      if (key === null && missed.delete(topic)) return Promise.resolve(true);
      const place = placeOf(topic, key);
      return new Promise((resolve) => {
        const over = new AbortController();
        const waiters = waiting.get(place) ?? new Set();
        const waiter: Waiter = {
          settle(woken) {
            waiters.delete(waiter);
            if (waiters.size === 0 && waiting.get(place) === waiters) waiting.delete(place);
            over.abort();
            resolve(woken);
          },
        };
        waiting.set(place, waiters.add(waiter));
        signal?.addEventListener("abort", () => waiter.settle(false), { signal: over.signal });
        void clock.sleep(ms, over.signal).then(() => waiter.settle(false));
      });
    },
  };
}
