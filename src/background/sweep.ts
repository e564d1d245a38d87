import type { Clock, Log } from "../observe.ts";
import type { Store } from "../store/store.ts";
import { testLost } from "./unattempted.ts";

/** How long a submission and its Idempotency-Key are kept after the outcome, milliseconds (DESIGN §5). */
const submissionLife = 30 * 86_400_000;

/** How long a delivery is kept after it was delivered, milliseconds. */
const deliveredLife = 3 * 86_400_000;

/** A delivery that did not arrive is kept as long as its schedule may last, however soon events go, milliseconds. */
const undeliveredLife = 4 * 86_400_000;

/**
 * One step of the broom: uploads, bytes that nothing refers to, and intents, that have expired, old submissions, events and deliveries. Ends
 * tests that their process did not. Wraps keys anew while a sealing secret is being changed.
 */
export const sweep =
  (needs: {
    uploads: Pick<Store["uploads"], "sweep">;
    blobs: Pick<Store["blobs"], "sweep">;
    intents: Pick<Store["intents"], "sweep">;
    submissions: Pick<Store["submissions"], "sweep">;
    events: Pick<Store["events"], "sweep">;
    deliveries: Pick<Store["deliveries"], "sweep" | "failTests">;
    /** How many days events, and, when these are more than four, deliveries that did not arrive, are kept. */
    eventDays: number;
    clock: Clock;
    /** How many keys were still wrapped by the secret before. */
    rewrapKeys: () => Promise<number>;
    log: Log;
  }) =>
  async (): Promise<void> => {
    const now = needs.clock.now();
    await needs.uploads.sweep(now);
    await needs.blobs.sweep(now);
    await needs.intents.sweep(now);
    await needs.submissions.sweep(now - submissionLife);
    const oldest = now - needs.eventDays * 86_400_000;
    await needs.events.sweep(oldest);
    await needs.deliveries.failTests(now, testLost(now));
    const created = Math.min(oldest, now - undeliveredLife);
    await needs.deliveries.sweep({ delivered: now - deliveredLife, created });
    const rewrapped = await needs.rewrapKeys();
    if (rewrapped > 0) needs.log.write("info", "secret.rewrapped", { keys: rewrapped });
  };
