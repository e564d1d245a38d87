const minute = 60_000;
/** After the first attempt, the second, …; the last one repeats (RFC 5321 §4.5.4.1). */
const waits = [1, 5, 15, 30, 60, 120, 240].map((minutes) => minutes * minute);
const jitter = 0.2;
/** The last attempt comes this long before the message expires. */
const margin = 30_000;

/**
 * When a message is tried again, or null when it has expired. Times in milliseconds.
 * @param attempts how many there were, at least 1
 * @param random from 0 to 1, spreads what failed together
 * @param notBefore when the server asked to come back, or 0
 */
export function nextAttempt(
  attempts: number,
  now: number,
  deliverBefore: number,
  random: number,
  notBefore = 0,
): number | null {
  const wait = waits[Math.min(attempts, waits.length) - 1] ?? minute;
  const spread = wait * (1 + jitter * (2 * random - 1));
  const last = deliverBefore - margin;
  if (now >= last || notBefore > last) return null;
  return Math.round(Math.min(Math.max(now + spread, notBefore), last));
}
