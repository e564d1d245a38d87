import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";

type Topic = Parameters<Wake["wake"]>[0];
type Waiter = { topic: Topic; key: string | null; settle(woken: boolean): void };

/**
 * `Wake` for one process. Who waits for any key of a topic (a loop) misses nothing: a wake that came while it was at work ends
 * its next wait at once. Who waits for one key asks after he has begun to wait.
 */
export function createInProcessWake(clock: Clock): Wake {
  const waiters = new Set<Waiter>();
  const missed = new Set<Topic>();

  return {
    wake(topic, key) {
      const woken = [...waiters].filter((waiter) => waiter.topic === topic && (waiter.key ?? key) === key);
      if (!woken.some((waiter) => waiter.key === null)) missed.add(topic);
      for (const waiter of woken) waiter.settle(true);
    },
    wait(topic, key, ms, signal) {
      if (signal?.aborted === true) return Promise.resolve(false);
      if (key === null && missed.delete(topic)) return Promise.resolve(true);
      return new Promise((resolve) => {
        const over = new AbortController();
        const waiter: Waiter = {
          topic,
          key,
          settle(woken) {
            waiters.delete(waiter);
            over.abort();
            resolve(woken);
          },
        };
        waiters.add(waiter);
        signal?.addEventListener("abort", () => waiter.settle(false), { signal: over.signal });
        void clock.sleep(ms, over.signal).then(() => waiter.settle(false));
      });
    },
  };
}
