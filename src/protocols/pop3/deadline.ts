import type { Clock } from "../../observe.ts";

/** Milliseconds that each step may take (DESIGN §8). */
export const deadlines = {
  connect: 10_000,
  greeting: 10_000,
  tls: 10_000,
  command: 30_000,
  /** A whole listing (CAPA, LIST, UIDL). */
  list: 60_000,
  /** What is looked for in headers that have to be read for it. */
  search: 20_000,
  /** A message that is read here to its end, or up to where somebody wants to have it from: he waits no longer (serve-node). */
  whole: 100_000,
  /** All keys of a maildrop, for which all headers may have to be read. */
  keys: 300_000,
  /** Between two pieces of a message. */
  stall: 30_000,
  /** A farewell, and what is left of an answer that nobody wants any more. */
  leave: 1_000,
};

/** Waits for one piece of work after the other, none longer than its deadline. */
export type Watch = {
  during<T>(work: Promise<T>): Promise<T>;
  /** Nothing follows any more. */
  end(): void;
};

/** As `withDeadline`, for many short waits in a row: one timer watches over all of them. */
export function makeWatch(clock: Clock, ms: number, onExpired: () => void): Watch {
  const ended = new AbortController();
  let since: number | null = null;
  let isWatching = false;

  async function watch(): Promise<void> {
    isWatching = true;
    while (since !== null && !ended.signal.aborted) {
      const left = since + ms - clock.now();
      if (left > 0) await clock.sleep(left, ended.signal);
      else {
        since = null;
        onExpired();
      }
    }
    isWatching = false;
  }

  return {
    async during(work) {
      since = clock.now();
      if (!isWatching) void watch();
      try {
        return await work;
      } finally {
        since = null;
      }
    },
    end: () => ended.abort(),
  };
}
