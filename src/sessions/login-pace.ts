import { alone, type Fleet } from "../mail/fleet.ts";
import type { Clock } from "../observe.ts";

/**
 * Spreads the logins of watchers (DESIGN §6): a host that comes back is not met by all its accounts at once, and who waits for a
 * host that was away is told when somebody has got through.
 */
export type LoginPace = {
  /**
   * Resolves when it is the caller's turn to log in at the host; at once when `signal` aborts, and then the turn is another's. `told` is
   * told at once when that will be, milliseconds since the epoch.
   */
  turn(host: string, signal: AbortSignal, told: (at: number) => void): Promise<void>;
  /** A login at the host went through. */
  passed(host: string): void;
  /** Resolves when a login at the host goes through, after `ms`, or when `signal` aborts. */
  untilPassed(host: string, ms: number, signal: AbortSignal): Promise<void>;
};

/** Hosts remembered; those whose turn has come are forgotten beyond it. */
const hostsKept = 10_000;

/** A clock that goes back by less is only measured better, milliseconds. */
const setBackMs = 1_000;

/** `perSecond` logins at one host at most, in all processes together. */
export function createLoginPace(clock: Clock, perSecond: number, fleet: Fleet = alone): LoginPace {
  /** When the next turn is, and those before it that were given back. */
  const turns = new Map<string, { next: number; left: number[] }>();
  const waiting = new Map<string, Set<() => void>>();
  let askedAt = -Infinity;

  return {
    async turn(host, signal, told) {
      const now = clock.now();
      // A clock that was set back makes nobody wait longer.
      if (now < askedAt - setBackMs) turns.clear();
      askedAt = now;
      const { next = now, left = [] } = turns.get(host) ?? {};
      const given = left.filter((at) => at >= now).toSorted((a, b) => a - b);
      const at = given.shift() ?? Math.max(now, next);
      turns.set(host, { next: Math.max(next, at + (1_000 / perSecond) * fleet.live()), left: given });
      if (turns.size > hostsKept) for (const [name, known] of turns) if (known.next <= now) turns.delete(name);
      told(at);
      if (at > now) await clock.sleep(at - now, signal);
      if (signal.aborted && clock.now() < at) turns.get(host)?.left.push(at);
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
