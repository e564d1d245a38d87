import { timestamp, timestampOrNull } from "../mail/time.ts";
import type { Delivery } from "../mail/webhook.ts";
import type { DeliveryRow, WebhookRow } from "../store/webhook-rows.ts";

/** A delivery as the API tells it: its next attempt comes no earlier than its webhook's hold ends. */
export function viewDelivery(row: DeliveryRow, { holdUntil }: Pick<WebhookRow, "holdUntil">): Delivery {
  const { nextAttemptAt } = row;
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
    nextAttemptAt: timestampOrNull(nextAttemptAt === null ? null : Math.max(nextAttemptAt, holdUntil)),
    createdAt: timestamp(row.createdAt),
    finishedAt: timestampOrNull(row.finishedAt),
  };
}
