import type { Clock } from "../observe.ts";

/**
 * Spreads the logins of watchers (DESIGN §6): a host that comes back is not met by all its accounts at once, and who waits for a
 * host that was away is told when somebody has got through.
 */
export type LoginPace = {
  /** Resolves when it is the caller's turn to log in at the host; at once when `signal` aborts. */
  turn(host: string, signal: AbortSignal): Promise<void>;
  /** A login at the host went through. */
  passed(host: string): void;
  /** Resolves when a login at the host goes through, after `ms`, or when `signal` aborts. */
  untilPassed(host: string, ms: number, signal: AbortSignal): Promise<void>;
};

/** Hosts remembered; those whose turn has come are forgotten beyond it. */
const hostsKept = 10_000;

/** `perSecond` logins at one host at most. */
export function createLoginPace(clock: Clock, perSecond: number): LoginPace {
  const next = new Map<string, number>();
  const waiting = new Map<string, Set<() => void>>();

  return {
    async turn(host, signal) {
      const now = clock.now();
      const at = Math.max(now, next.get(host) ?? 0);
      next.set(host, at + 1_000 / perSecond);
      if (next.size > hostsKept) for (const [name, free] of next) if (free <= now) next.delete(name);
      if (at > now) await clock.sleep(at - now, signal);
    },
    passed(host) {
      for (const tell of waiting.get(host) ?? []) tell();
    },
    async untilPassed(host, ms, signal) {
      const over = new AbortController();
      const tell = (): void => over.abort("passed");
      const others = waiting.get(host) ?? new Set();
      waiting.set(host, others.add(tell));
      signal.addEventListener("abort", tell);
      if (signal.aborted) tell();
      await clock.sleep(ms, over.signal);
      signal.removeEventListener("abort", tell);
      others.delete(tell);
      if (others.size === 0) waiting.delete(host);
    },
  };
}
