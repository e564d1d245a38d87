import type { Wake, WakeTopic } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";

/** Ends a wait. */
type Waiter = (woken: boolean) => void;

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
    for (const waiter of waiters ?? []) waiter(true);
    return waiters !== undefined;
  }

  /** Waits in a place, until the function that is returned is called. */
  function join(place: string, waiter: Waiter): () => void {
    const waiters = waiting.get(place) ?? new Set();
    waiting.set(place, waiters.add(waiter));
    return () => {
      waiters.delete(waiter);
      if (waiters.size === 0 && waiting.get(place) === waiters) waiting.delete(place);
    };
  }

  return {
    wake(topic, key) {
      wakeAt(placeOf(topic, key));
      if (!wakeAt(placeOf(topic, null))) missed.add(topic);
    },
    wait(topics, key, ms, signal) {
      if (signal?.aborted === true) return Promise.resolve(false);
      const asked = [topics].flat();
      if (key === null && asked.filter((topic) => missed.delete(topic)).length > 0) return Promise.resolve(true);
      return new Promise((resolve) => {
        const over = new AbortController();
        const leave = asked.map((topic) => join(placeOf(topic, key), settle));
        function settle(woken: boolean): void {
          for (const one of leave) one();
          over.abort("woken");
          resolve(woken);
        }
        signal?.addEventListener("abort", () => settle(false), { signal: over.signal });
        void clock.sleep(ms, over.signal).then(() => settle(false));
      });
    },
  };
}
