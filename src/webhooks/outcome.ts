import type { DeliveryAttempt } from "../mail/webhook.ts";
import type { DeliveryRow } from "../store/webhook-rows.ts";
import type { Attempted } from "./attempt-delivery.ts";
import { nextDelivery } from "./next-delivery.ts";

const keptAttempts = 20;

export type Outcome = {
  /** What `DeliveryStore.settle` is to write. */
  settled: Pick<DeliveryRow, "id" | "state" | "tries" | "attemptCount" | "attempts" | "nextAttemptAt" | "finishedAt">;
  /** What it says about the receiver: "gone" asks for its webhook to be disabled. */
  receiver: "good" | "failed" | "gone";
  /** The whole webhook is to be left alone until then, milliseconds since the epoch; null where nobody asked for that. */
  holdUntil: number | null;
};

function judge({ status }: DeliveryAttempt): Outcome["receiver"] {
  if (status === 410) return "gone";
  return status !== null && status >= 200 && status < 300 ? "good" : "failed";
}

/**
 * What an attempt means for its delivery and its webhook. 2xx is delivered, 410 is the end, all else is tried again by the
 * schedule, but a test. `now` is when the attempt was over, milliseconds since the epoch; `random` is from 0 to 1.
 */
export function outcomeOf(
  delivery: DeliveryRow,
  { attempt, retryAfterMs }: Attempted,
  { now, random }: { now: number; random: number },
): Outcome {
  const receiver = judge(attempt);
  const tries = delivery.tries + 1;
  const notBefore = retryAfterMs === null ? 0 : now + retryAfterMs;
  const isRetried = receiver === "failed" && delivery.testEvent === null;
  const nextAttemptAt = isRetried ? nextDelivery(tries, now, random, notBefore) : null;
  const isHeld = retryAfterMs !== null && (attempt.status === 429 || attempt.status === 503);
  return {
    settled: {
      id: delivery.id,
      state: nextAttemptAt !== null ? "pending" : receiver === "good" ? "delivered" : "failed",
      tries,
      attemptCount: delivery.attemptCount + 1,
      attempts: [...delivery.attempts, attempt].slice(-keptAttempts),
      nextAttemptAt,
      finishedAt: nextAttemptAt === null ? now : null,
    },
    receiver,
    holdUntil: isHeld ? notBefore : null,
  };
}
