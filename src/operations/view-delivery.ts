import { timestamp, timestampOrNull } from "../mail/time.ts";
import type { Delivery } from "../mail/webhook.ts";
import type { DeliveryRow } from "../store/webhook-rows.ts";

/** A delivery as the API tells it. */
export function viewDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    webhookId: row.webhookId,
    eventId: row.eventId,
    type: row.type,
    accountId: row.accountId === "" ? null : row.accountId,
    test: row.testEvent !== null,
    state: row.state,
    attemptCount: row.attemptCount,
    attempts: row.attempts.map((attempt) => ({ ...attempt, at: timestamp(attempt.at) })),
    nextAttemptAt: timestampOrNull(row.nextAttemptAt),
    createdAt: timestamp(row.createdAt),
    finishedAt: timestampOrNull(row.finishedAt),
  };
}
