import { ConfigError } from "../config.ts";
import { describeError } from "../http/log.ts";
import type { Clock, Log } from "../observe.ts";
import type { ObjectStorage } from "./bindings.ts";

/** One step of background work: when the next one is due by itself (null: not before a call), and before when it is of no use. */
export type Step = () => Promise<{ nextAt: number | null; notBefore?: number }>;

/** `lingerMs`: what is due so soon is waited for; work that is under way has claims that are to be renewed within that time. */
export type Work = { steps: Step[]; lingerMs: number };

export type Alarm = {
  /** There is something to do: the alarm rings now, or goes on ringing. */
  call(): Promise<void>;
  /**
   * Works until nothing is due soon or its time is over, and sets the alarm to when the next step is due; with nothing due at all the
   * object's storage is emptied, so that nothing of it is left. Never fails but with the storage.
   */
  ring(): Promise<void>;
};

/** How long one ringing works, milliseconds, and how long after it began it is taken to have died and rings again. */
const workMs = 50_000;
const diedMs = 60_000;
/** How soon one step may follow another, milliseconds. */
const restMs = 50;
/** How long work rests that can't be done, because the database is away, milliseconds. */
const failedMs = 15_000;

/**
 * What an object does by its alarm: as the loops of a process do, but for a bounded time, and then again. `open` opens what is needed
 * for it.
 */
export function createAlarm(
  { storage, clock, log }: { storage: ObjectStorage; clock: Clock; log: Log },
  open: () => Promise<Work>,
): Alarm {
  let isRinging = false;
  let isCalled = false;
  let wakeUp = (): void => {};

  async function step(one: Step): Promise<{ nextAt: number; notBefore: number }> {
    try {
      const { nextAt, notBefore = 0 } = await one();
      return { nextAt: nextAt ?? Infinity, notBefore };
    } catch (error) {
      log.write("error", "alarm.failed", { error: describeError(error) });
      return { nextAt: clock.now() + failedMs, notBefore: 0 };
    }
  }

  /** Resolves at `at`, or when there is a call. */
  async function untilCalled(at: number): Promise<void> {
    const called = new AbortController();
    wakeUp = () => called.abort("called");
    if (!isCalled) await clock.sleep(Math.max(0, at - clock.now()), called.signal);
  }

  /** When the alarm is to ring again; Infinity: when it is called. */
  async function work({ steps, lingerMs }: Work, until: number): Promise<number> {
    for (;;) {
      isCalled = false;
      const done = await Promise.all(steps.map(step));
      const now = clock.now();
      const nextAt = isCalled ? now : Math.min(...done.map((one) => one.nextAt));
      if (now >= until || nextAt - now > lingerMs) return nextAt;
      await untilCalled(Math.min(nextAt, until));
      const rest = Math.max(now + restMs, ...done.map(({ notBefore }) => notBefore)) - clock.now();
      if (rest > 0) await clock.sleep(rest);
    }
  }

  async function opened(): Promise<Work | null> {
    try {
      return await open();
    } catch (error) {
      const complaint = error instanceof ConfigError ? { complaint: error.message } : {};
      log.write("error", "alarm.failed", { ...complaint, error: describeError(error) });
      return null;
    }
  }

  return {
    async call() {
      isCalled = true;
      wakeUp();
      if (!isRinging) await storage.setAlarm(clock.now());
    },

    async ring() {
      const begun = clock.now();
      let nextAt: number;
      isRinging = true;
      try {
        // First of all: whoever dies at work is called again.
        await storage.setAlarm(begun + diedMs);
        const all = await opened();
        nextAt = all === null ? begun + failedMs : await work(all, begun + workMs);
        // A call that came after the last look at it found the alarm ringing.
        if (all !== null && isCalled) nextAt = clock.now();
      } finally {
        isRinging = false;
      }
      if (nextAt !== Infinity) return storage.setAlarm(nextAt);
      await Promise.all([storage.deleteAlarm(), storage.deleteAll()]);
    },
  };
}
