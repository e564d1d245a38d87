import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { findWebhook } from "./find-webhook.ts";

/** Removes a webhook with all of its deliveries; what is under way, or begins within a second, may still arrive. Fails `not-found`. */
export const deleteWebhook =
  (needs: { webhooks: Pick<Store["webhooks"], "get" | "remove"> }) =>
  async (caller: AppCaller, webhookId: string): Promise<void> => {
    const { appId, id } = await findWebhook(needs.webhooks, caller, webhookId);
    await needs.webhooks.remove(appId, id);
  };
