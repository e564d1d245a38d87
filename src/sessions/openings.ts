import { Failure } from "../errors.ts";
import type { Clock } from "../observe.ts";

/** How long a limit of the server's is believed before it is tried again, milliseconds. */
const believeMs = 600_000;

/** A server that counts closely may take this long to notice that a session was closed, milliseconds. */
const lingerMs = 200;

/** No server's wish to be left alone is heeded longer than this, milliseconds. */
const longestPause = 3_600_000;

/** Says for one account whether a session more may be opened: by our limit, by the server's, and by its wish to be left alone. */
export type Openings = {
  /** Whether one may be opened beside those `alive`. */
  mayOpen(alive: number): boolean;
  /** One begins to be opened. */
  began(): void;
  /** One has been opened, or could not be. */
  ended(): void;
  /** One is being closed; it counts until it is, and that is when this resolves. */
  closing(closed: Promise<void>): Promise<void>;
  /** Whether one is being opened. */
  underWay(): boolean;
  /**
   * Learns from what opening failed with. True where the server allows no more than there are: then one of those is to be
   * waited for.
   */
  learn(error: unknown, alive: number): boolean;
  /** Heeds a failure's `retryAfter`. */
  pause(failure: Failure): void;
  /** What is answered instead of opening one, now; null when the server has nothing against it. */
  paused(): Failure | null;
  /** Forgets what was learnt and the server's wish; what is being opened and closed still counts. */
  forget(): void;
  /** Whether there is nothing to remember. */
  isPlain(): boolean;
};

/** `limit` is how many may be open at once, by our own wish, as things are. */
export function createOpenings(clock: Clock, limit: () => number): Openings {
  let opening = 0;
  let closing = 0;
  let learnt = { limit: Infinity, until: 0 };
  let pause: { failure: Failure; until: number } | null = null;

  const isLearnt = (): boolean => clock.now() < learnt.until;

  function paused(): Failure | null {
    if (pause === null || clock.now() >= pause.until) return null;
    const { code, message, details } = pause.failure;
    return new Failure(code, message, { ...details, retryAfter: Math.ceil((pause.until - clock.now()) / 1000) });
  }

  function heed(failure: Failure): void {
    const ms = Math.min((failure.details.retryAfter ?? 0) * 1000, longestPause);
    const until = clock.now() + ms;
    if (ms > 0 && until > (pause?.until ?? 0)) pause = { failure, until };
  }

  return {
    mayOpen: (alive) =>
      paused() === null && alive + opening + closing < Math.min(limit(), isLearnt() ? learnt.limit : Infinity),
    began: () => void (opening += 1),
    ended: () => void (opening -= 1),
    async closing(closed) {
      closing += 1;
      await closed.catch(() => {});
      if (isLearnt()) await clock.sleep(lingerMs);
      closing -= 1;
    },
    underWay: () => opening > 0,
    learn(error, alive) {
      if (!(error instanceof Failure)) return false;
      if (error.code === "upstream-throttled") {
        heed(error);
        return paused() !== null && alive + opening > 0;
      }
      if (error.code !== "account-busy" || alive + opening + closing === 0) return false;
      learnt = { limit: Math.max(1, alive + opening), until: clock.now() + believeMs };
      return true;
    },
    pause: heed,
    paused,
    forget() {
      learnt = { limit: Infinity, until: 0 };
      pause = null;
    },
    isPlain: () => opening + closing === 0 && !isLearnt() && paused() === null,
  };
}
