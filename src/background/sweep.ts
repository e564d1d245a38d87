import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";

/** How long a submission and its Idempotency-Key are kept after the outcome, milliseconds (DESIGN §5). */
const submissionLife = 30 * 86_400_000;

/** One step of the broom: bytes that no submission refers to, intents that have expired, old submissions and events. */
export const sweep =
  (needs: {
    blobs: Pick<Store["blobs"], "sweep">;
    intents: Pick<Store["intents"], "sweep">;
    submissions: Pick<Store["submissions"], "sweep">;
    events: Pick<Store["events"], "sweep">;
    /** How many days events are kept. */
    eventDays: number;
    clock: Clock;
  }) =>
  async (): Promise<void> => {
    const now = needs.clock.now();
    await needs.blobs.sweep(now);
    await needs.intents.sweep(now);
    await needs.submissions.sweep(now - submissionLife);
    await needs.events.sweep(now - needs.eventDays * 86_400_000);
  };
