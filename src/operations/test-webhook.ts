import { Failure } from "../errors.ts";
import type { Event } from "../mail/event.ts";
import { orderedId } from "../mail/id.ts";
import { alone, type Fleet, partOf } from "../mail/fleet.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { timestamp } from "../mail/time.ts";
import type { Delivery } from "../mail/webhook.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import type { DeliveryRow, WebhookRow } from "../store/webhook-rows.ts";
import type { Attempted } from "../webhooks/attempt-delivery.ts";
import { outcomeOf } from "../webhooks/outcome.ts";
import { payloadOf } from "../webhooks/payload.ts";
import { findWebhook } from "./find-webhook.ts";
import { viewDelivery } from "./view-delivery.ts";

/** Of one app, in all processes together. */
const testsAtOnce = 10;
/** Longer than any attempt, lest another process takes it for abandoned, milliseconds. */
const leaseMs = 60_000;

/**
 * Sends an example to a webhook, once and at once, disabled or not, and answers what came of it; nothing else hears of it. Fails `not-found`, and `rate-limited` while ten others of the app are under way.
 */
export function testWebhook(needs: {
  webhooks: Pick<Store["webhooks"], "get">;
  deliveries: Pick<Store["deliveries"], "insertTest" | "settle">;
  attemptDelivery: (webhook: WebhookRow, message: { id: string; body: string }) => Promise<Attempted>;
  clock: Pick<Clock, "now">;
  /** Absent: this process is the only one. */
  fleet?: Fleet;
  owner: string;
}) {
  const { clock, deliveries, fleet = alone } = needs;
  // A dispatcher of this process may yet begin, and give up what one of its name had under way before.
  const owner = `tests of ${needs.owner}`;
  const underWay = new Map<string, number>();

  function count(appId: string, by: 1 | -1): void {
    const now = (underWay.get(appId) ?? 0) + by;
    if (now > partOf(fleet, testsAtOnce))
      throw new Failure("rate-limited", "This app has too many tests under way.", { retryAfter: 5 });
    if (now === 0) underWay.delete(appId);
    else underWay.set(appId, now);
  }

  async function test(webhook: WebhookRow, example: Event): Promise<Delivery> {
    const begun = clock.now();
    const event = exampleFor(webhook, example, begun);
    const delivery = deliveryOf(webhook, event, begun);
    const { epoch } = await deliveries.insertTest(delivery, owner, begun + leaseMs);
    const attempted = await needs.attemptDelivery(webhook, { id: event.id, body: payloadOf(event) });
    const { settled } = outcomeOf(delivery, attempted, { now: clock.now(), random: 0 });
    await deliveries.settle([{ ...settled, epoch }]);
    return viewDelivery({ ...delivery, ...settled }, webhook);
  }

  return async (caller: AppCaller, webhookId: string, example: Event): Promise<Delivery> => {
    const webhook = await findWebhook(needs.webhooks, caller, webhookId);
    count(webhook.appId, 1);
    try {
      return await test(webhook, example);
    } finally {
      count(webhook.appId, -1);
    }
  };
}

/** The example under an id of its own, of now, and of the first account that the webhook names. */
function exampleFor(webhook: WebhookRow, example: Event, now: number): Event {
  const id = orderedId("evt", now);
  const accountId = example.accountId === null ? null : (webhook.accountIds?.[0] ?? example.accountId);
  const data = "accountId" in example.data ? { ...example.data, accountId } : example.data;
  return { ...example, id, createdAt: timestamp(now), accountId, sequence: 0, data };
}

function deliveryOf(webhook: WebhookRow, event: Event, now: number): DeliveryRow {
  return {
    id: orderedId("dlv", now),
    appId: webhook.appId,
    webhookId: webhook.id,
    accountId: event.accountId ?? "",
    eventId: event.id,
    type: event.type,
    testEvent: JSON.stringify(event),
    state: "delivering",
    tries: 0,
    attemptCount: 0,
    attempts: [],
    nextAttemptAt: null,
    createdAt: now,
    finishedAt: null,
  };
}
