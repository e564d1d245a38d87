import type { AppCaller } from "../mail/tenant.ts";
import type { Delivery } from "../mail/webhook.ts";
import type { Store } from "../store/store.ts";
import { findDelivery } from "./find-delivery.ts";
import { findWebhook } from "./find-webhook.ts";
import { viewDelivery } from "./view-delivery.ts";

/** A delivery with its latest attempts. Fails `not-found`. */
export const getDelivery =
  (needs: { webhooks: Pick<Store["webhooks"], "get">; deliveries: Pick<Store["deliveries"], "get"> }) =>
  async (caller: AppCaller, webhookId: string, deliveryId: string): Promise<Delivery> => {
    const webhook = await findWebhook(needs.webhooks, caller, webhookId);
    return viewDelivery(await findDelivery(needs.deliveries, caller, webhook.id, deliveryId), webhook);
  };
