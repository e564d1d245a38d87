import { Failure } from "../errors.ts";
import type { Clock } from "../observe.ts";

/** How long a locked maildrop is waited for before each further try, milliseconds. */
const waitsBetween = [500, 1_500, 3_000];

/** No further try is begun after this long, milliseconds: some servers wait a dozen seconds themselves before they say no. */
const patienceMs = 8_000;

/**
 * Opens a maildrop; one that another session holds is mostly free again soon (RFC 2449 §8.1.1), so it is tried a few times
 * before it fails `mailbox-locked`. Not when `signal` tells that nobody waits for it any more.
 */
export async function untilFree<T>(
  clock: Clock,
  open: () => Promise<T>,
  signal?: AbortSignal,
  tryUntil = clock.now() + patienceMs,
  [wait, ...waits] = waitsBetween,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "mailbox-locked") throw error;
    if (wait === undefined || clock.now() + wait > tryUntil) {
      throw new Failure(error.code, error.message, { retryAfter: 10, ...error.details });
    }
    await clock.sleep(wait, signal);
    if (signal?.aborted === true) throw error;
    return untilFree(clock, open, signal, tryUntil, waits);
  }
}
