import { pollMs, type Wake, type WakeTopic } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";

/** Ends a wait. */
type Waiter = (woken: boolean) => void;

/** A `Wake` whose waits can be ended apart, by who has heard of work elsewhere. */
export interface InProcessWake extends Wake {
  /** Wakes who waits for this key. */
  wakeKey(topic: WakeTopic, key: string): void;
  /** Wakes who waits for whatever key of the topic. */
  wakeKeys(topic: WakeTopic): void;
  /** Wakes who waits for any key of the topic, now or the next time. */
  wakeLoops(topic: WakeTopic): void;
}

/**
 * `Wake` for one process. Who waits for any key of a topic (a loop) misses nothing: a wake that came while it was at work ends
 * its next wait at once. Who waits for one key asks after he has begun to wait.
 */
export function createInProcessWake(clock: Clock): InProcessWake {
  /** Who waits for what: a key of a topic, or null for any key of it. */
  const waiting = new Map<WakeTopic, Map<string | null, Set<Waiter>>>();
  const missed = new Set<WakeTopic>();

  /** Wakes all who wait for a key; false when there was nobody. */
  function wakeAt(topic: WakeTopic, key: string | null): boolean {
    const waiters = waiting.get(topic)?.get(key);
    for (const waiter of waiters ?? []) waiter(true);
    return waiters !== undefined;
  }

  /** Waits for a key, until the function that is returned is called. */
  function join(topic: WakeTopic, key: string | null, waiter: Waiter): () => void {
    const keys = waiting.get(topic) ?? new Map<string | null, Set<Waiter>>();
    waiting.set(topic, keys);
    const waiters = keys.get(key) ?? new Set();
    keys.set(key, waiters.add(waiter));
    return () => {
      waiters.delete(waiter);
      if (waiters.size === 0 && keys.get(key) === waiters) keys.delete(key);
    };
  }

  function wakeKey(topic: WakeTopic, key: string): void {
    wakeAt(topic, key);
  }

  function wakeLoops(topic: WakeTopic): void {
    if (!wakeAt(topic, null)) missed.add(topic);
  }

  return {
    wakeKey,
    wakeLoops,
    wakeKeys(topic) {
      for (const key of waiting.get(topic)?.keys() ?? []) if (key !== null) wakeKey(topic, key);
    },
    wake(topic, key, at = 0) {
      if (at - clock.now() > pollMs) return;
      wakeKey(topic, key);
      wakeLoops(topic);
    },
    wait(topics, key, ms, signal) {
      if (signal?.aborted === true) return Promise.resolve(false);
      const asked = [topics].flat();
      if (key === null && asked.filter((topic) => missed.delete(topic)).length > 0) return Promise.resolve(true);
      return new Promise((resolve) => {
        const over = new AbortController();
        const leave = asked.map((topic) => join(topic, key, settle));
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
