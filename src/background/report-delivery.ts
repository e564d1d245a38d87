import type { DeliveryAttempt } from "../mail/webhook.ts";
import type { Log, Metrics } from "../observe.ts";
import type { DeliveryRow } from "../store/webhook-rows.ts";

/** One wide line and the figures of an attempt: no URL, and nothing of what was sent or answered. */
export function reportDelivery(
  { log, metrics }: { log: Log; metrics: Pick<Metrics, "count" | "observe"> },
  delivery: DeliveryRow,
  state: DeliveryRow["state"],
  { status, durationMs, error }: DeliveryAttempt,
): void {
  log.write("info", "delivery", {
    deliveryId: delivery.id,
    webhookId: delivery.webhookId,
    appId: delivery.appId,
    eventId: delivery.eventId,
    state,
    attempt: delivery.attemptCount + 1,
    status,
    ms: durationMs,
    ...(error !== null && { code: error.code }),
  });
  metrics.count("postern_webhook_attempts_total", { outcome: state === "pending" ? "retry" : state });
  metrics.observe("postern_webhook_attempt_seconds", durationMs / 1000);
}
