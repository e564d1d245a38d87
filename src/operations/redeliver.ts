import { Failure } from "../errors.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import type { Delivery } from "../mail/webhook.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import { findDelivery, isStillAbout, noSuchDelivery } from "./find-delivery.ts";
import { findWebhook } from "./find-webhook.ts";
import { viewDelivery } from "./view-delivery.ts";

/**
 * Makes a delivery due now, with the whole schedule before it again; its attempts stay. A hold of the webhook
 * stays. Fails `not-found`, `not-changeable` for a test, of an account that the webhook no longer names, while that is disabled, and while
 * the delivery is under way, `changes-expired` when its event is no longer kept.
 */
export const redeliver =
  (needs: {
    webhooks: Pick<Store["webhooks"], "get">;
    deliveries: Pick<Store["deliveries"], "get" | "redeliver">;
    wake: Pick<Wake, "wake">;
    clock: Pick<Clock, "now">;
  }) =>
  async (caller: AppCaller, webhookId: string, deliveryId: string): Promise<Delivery> => {
    const webhook = await findWebhook(needs.webhooks, caller, webhookId);
    const found = await findDelivery(needs.deliveries, caller, webhook.id, deliveryId);
    if (found.testEvent !== null)
      throw refusal("A test is tried once and not again.", "POST …/test makes another one.");
    if (webhook.disabledBecause !== null)
      throw refusal("The webhook is disabled.", 'PATCH it with {"enabled": true} first.');
    if (!isStillAbout(webhook, found))
      throw refusal("The webhook no longer names the account that this event is about.", "PATCH its accountIds first.");
    const outcome = await needs.deliveries.redeliver(webhook.id, deliveryId, needs.clock.now());
    if (outcome === null) throw noSuchDelivery();
    if (outcome === "under-way")
      throw refusal("The delivery is under way.", "GET it in a moment to see what has become of it.");
    if (outcome === "gone")
      throw new Failure("changes-expired", "The event of this delivery is no longer kept.", {
        fix: "GET what it was about: the message or the account by its id.",
      });
    needs.wake.wake("deliveries", webhook.appId);
    return viewDelivery(outcome, webhook);
  };

function refusal(detail: string, fix: string): Failure {
  return new Failure("not-changeable", detail, { fix });
}
