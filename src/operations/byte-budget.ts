import { Failure } from "../errors.ts";
import type { Clock } from "../observe.ts";

/** Octets of the process's memory for what must be held whole. */
export type ByteBudget = {
  /**
   * Does the work once so many octets are free, and gives them back after it. One `owner` (an app) holds no more than half,
   * so that nobody's slow uploads keep everybody out. Fails `account-busy` when they did not become free in time.
   */
  spend<T>(owner: string, octets: number, work: () => Promise<T>): Promise<T>;
};

type Waiter = { owner: string; octets: number; start: (isServed: boolean) => void };

/** First come, first served, but for who waits for his own. `waitMs`: how long, milliseconds. */
export function createByteBudget(clock: Clock, { total, waitMs }: { total: number; waitMs: number }): ByteBudget {
  const half = total / 2;
  const held = new Map<string, number>();
  let free = total;
  let waiting: Waiter[] = [];

  function hold(owner: string, octets: number): void {
    free -= octets;
    const now = (held.get(owner) ?? 0) + octets;
    if (now === 0) held.delete(owner);
    else held.set(owner, now);
  }

  function serve(): void {
    const left: Waiter[] = [];
    let isFull = false;
    for (const waiter of waiting) {
      const isOwnFull = (held.get(waiter.owner) ?? 0) + waiter.octets > half;
      isFull ||= !isOwnFull && waiter.octets > free;
      if (isFull || isOwnFull) left.push(waiter);
      else {
        hold(waiter.owner, waiter.octets);
        waiter.start(true);
      }
    }
    waiting = left;
  }

  async function take(owner: string, octets: number): Promise<void> {
    const patience = new AbortController();
    const isServed = await new Promise<boolean>((resolve) => {
      const waiter = { owner, octets, start: resolve };
      waiting.push(waiter);
      serve();
      if (!waiting.includes(waiter)) return;
      const giveUp = (): void => {
        waiting = waiting.filter((other) => other !== waiter);
        resolve(false);
        serve();
      };
      void clock.sleep(waitMs, patience.signal).then(giveUp);
    });
    patience.abort();
    if (isServed) return;
    throw new Failure("account-busy", "Postern is taking in as many messages as it has memory for.", { retryAfter: 5 });
  }

  return {
    async spend(owner, octets, work) {
      const needed = Math.min(octets, half);
      await take(owner, needed);
      try {
        return await work();
      } finally {
        hold(owner, -needed);
        serve();
      }
    },
  };
}
