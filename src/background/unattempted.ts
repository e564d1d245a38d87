import type { DeliveryAttempt } from "../mail/webhook.ts";
import { isStillAbout } from "../operations/find-delivery.ts";
import type { DeliveryClaim, DeliveryRow, WebhookRow } from "../store/webhook-rows.ts";
import type { Attempted } from "../webhooks/attempt-delivery.ts";
import type { Outcome } from "./settle-deliveries.ts";

type Settled = Omit<Outcome, "epoch">;

const keptAttempts = 20;

const lost = { code: "internal", detail: "Postern ended before this test was over; a test is not tried again." };

/** The attempt of a test whose outcome nobody has written. */
export function testLost(now: number): DeliveryAttempt {
  return { at: now, durationMs: 0, status: null, error: lost, excerpt: null };
}

/** Why a delivery can't be attempted for a webhook as it is; null when it can. */
export function whyNot(
  { delivery, event }: DeliveryClaim,
  webhook: Pick<WebhookRow, "accountIds">,
): DeliveryAttempt["error"] {
  if (delivery.testEvent !== null) return lost;
  if (!isStillAbout(webhook, delivery))
    return { code: "not-found", detail: "The webhook no longer names the account that this event is about." };
  if (event === null) return { code: "changes-expired", detail: "The event's content is no longer kept." };
  return null;
}

/** The end of a delivery that can't be attempted. */
export function failedBy(delivery: DeliveryRow, error: DeliveryAttempt["error"], now: number): Settled {
  const attempt = { at: now, durationMs: 0, status: null, error, excerpt: null };
  return {
    id: delivery.id,
    state: "failed",
    tries: delivery.tries + 1,
    attemptCount: delivery.attemptCount + 1,
    attempts: [...delivery.attempts, attempt].slice(-keptAttempts),
    nextAttemptAt: null,
    finishedAt: now,
  };
}

/** An attempt that failed because of us, and not of its receiver; it is tried again all the same. */
export function brokenBy(at: number, now: number): Attempted {
  const error = { code: "internal", detail: "Postern failed to make the request." };
  return { attempt: { at, durationMs: now - at, status: null, error, excerpt: null }, retryAfterMs: null };
}

/** A delivery that is given back as it was; it is due at once. */
export function untouched({ id, tries, attemptCount, attempts, createdAt }: DeliveryRow, now: number): Settled {
  const nextAttemptAt = attemptCount === 0 ? createdAt : now;
  return { id, tries, attemptCount, attempts, nextAttemptAt, state: "pending", finishedAt: null };
}
