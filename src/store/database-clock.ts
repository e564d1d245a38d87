import { type Clock, systemClock } from "../observe.ts";

/** The database's time, carried on by this process between two measurements. */
export type DatabaseClock = Clock & {
  /** Asks the database for its time. Fails `storage-unavailable`; then the clock goes on as it went. */
  measure(): Promise<void>;
};

/** How far this machine's monotonic clock is believed to run wrong, as a part of what has passed. */
const drift = 0.0005;

/**
 * A clock by which all processes on one database agree, to within a round trip, however their machines' clocks go or are set.
 * `ask` gives the database's time, milliseconds since the epoch. `ticks` never goes back, and goes on while the process is
 * stopped; milliseconds. Before the first measurement it shows this machine's time.
 */
export function databaseClock(ask: () => Promise<number>, ticks = () => performance.now()): DatabaseClock {
  /** The database's time is `ticks() + ahead`, and was at most `error` from that when it was measured, at `at`. */
  let known = { ahead: Date.now() - ticks(), error: Infinity, at: ticks() };

  return {
    now: () => Math.round(ticks() + known.ahead),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    async measure() {
      const asked = ticks();
      const told = await ask();
      const at = ticks();
      const error = (at - asked) / 2;
      const ahead = told - (asked + at) / 2;
      const errorByNow = known.error + (at - known.at) * drift;
      // Where both can't be true, a clock stood still or was set.
      const isContradicted = Math.abs(ahead - known.ahead) > error + errorByNow;
      // An answer that took long says less than what was known before, for as long as that can't have gone wrong by more.
      if (error <= errorByNow || isContradicted) known = { ahead, error, at };
    },
  };
}
