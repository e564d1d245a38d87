import type { AppCaller } from "../mail/tenant.ts";
import type { Webhook } from "../mail/webhook.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import { findWebhook } from "./find-webhook.ts";
import { viewWebhook } from "./view-webhook.ts";

/** One webhook, without its secrets. Fails `not-found`. */
export const getWebhook =
  (needs: { webhooks: Pick<Store["webhooks"], "get">; clock: Pick<Clock, "now"> }) =>
  async (caller: AppCaller, webhookId: string): Promise<Webhook> =>
    viewWebhook(await findWebhook(needs.webhooks, caller, webhookId), needs.clock.now());
