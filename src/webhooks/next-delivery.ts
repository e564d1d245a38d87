const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;

/** How long after a try that failed the next one is due; the first try of all is due at once. */
const delays = [
  5 * seconds,
  5 * minutes,
  30 * minutes,
  2 * hours,
  5 * hours,
  10 * hours,
  14 * hours,
  20 * hours,
  24 * hours,
];
const jitter = 0.1;

/**
 * When to try a delivery again, milliseconds since the epoch; null when it has had all its tries.
 * @param tries how many there were since it was due first, at least 1
 * @param random from 0 to 1, spreads the moment by ±10 %
 * @param notBefore the receiver asked not to come earlier; 0 where it did not
 */
export function nextDelivery(tries: number, now: number, random: number, notBefore: number): number | null {
  const delay = delays[tries - 1];
  if (delay === undefined) return null;
  return Math.max(Math.round(now + delay * (1 - jitter + 2 * jitter * random)), notBefore);
}
