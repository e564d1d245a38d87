import { Failure } from "../errors.ts";

/** No complaint makes the interval longer than this, milliseconds. */
const longestMs = 3_600_000;

/** An announced LOGIN-DELAY beyond this is not believed, milliseconds. */
const longestDelayMs = 86_400_000;

/**
 * The interval of a maildrop, milliseconds, after a look that came one interval after the last has failed with `error`: twice as
 * long where the server complains of that (RFC 2449 §8.1.1 LOGIN-DELAY and IN-USE, or its own words), else as it was.
 */
export function learntFrom(error: unknown, interval: number): number {
  return isComplaint(error) ? Math.min(longestMs, 2 * interval) : interval;
}

/** What the server excuses by a trouble of its own ([SYS/TEMP]) says nothing of how often we come. */
function isComplaint(error: unknown): boolean {
  if (!(error instanceof Failure)) return false;
  const isItsOwn = error.details.upstream?.responseCode?.startsWith("SYS") === true;
  return error.code === "mailbox-locked" || (error.code === "upstream-throttled" && !isItsOwn);
}

/** What must lie between two logins at least, milliseconds, where the server announces `loginDelay` seconds. */
export function leastInterval(loginDelay: number | null): number {
  return Math.min(longestDelayMs, (loginDelay ?? 0) * 1_000);
}
