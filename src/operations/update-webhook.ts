import { invalid } from "../errors.ts";
import type { Guard } from "../mail/server.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import type { Webhook, WebhookPatch } from "../mail/webhook.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import type { WebhookRow } from "../store/webhook-rows.ts";
import type { Vault } from "../vault/vault.ts";
import { checkHeaders } from "../webhooks/check-headers.ts";
import { checkUrl } from "../webhooks/check-url.ts";
import { sealSecrets } from "../webhooks/secrets-of.ts";
import { findWebhook } from "./find-webhook.ts";
import { requireAccounts } from "./require-accounts.ts";
import { viewWebhook } from "./view-webhook.ts";

/**
 * Changes a webhook; what waits for it goes on with what it is now. Another origin or path of its URL needs its own headers again,
 * so that their values go nowhere that the caller did not say: one host may serve many tenants. Fails as creating one, and `not-found`, also when it was removed meanwhile.
 */
export const updateWebhook =
  (needs: {
    webhooks: Pick<Store["webhooks"], "get" | "update">;
    accounts: Pick<Store["accounts"], "get">;
    vault: Vault;
    guard: Pick<Guard, "check">;
    wake: Pick<Wake, "wake">;
    clock: Pick<Clock, "now">;
  }) =>
  async (caller: AppCaller, webhookId: string, patch: WebhookPatch): Promise<Webhook> => {
    const url = patch.url === undefined ? undefined : checkUrl(needs.guard, patch.url).href;
    if (patch.headers !== undefined) checkHeaders(patch.headers);
    for (;;) {
      const before = await findWebhook(needs.webhooks, caller, webhookId);
      if (patch.accountIds !== undefined) await requireAccounts(needs.accounts, caller, patch.accountIds);
      const now = needs.clock.now();
      const row = patched(needs.vault, before, { ...patch, url }, now);
      if (!(await needs.webhooks.update(row, before.version))) continue;
      needs.wake.wake("deliveries", row.appId);
      return viewWebhook(row, now);
    }
  };

function patched(vault: Vault, before: WebhookRow, patch: WebhookPatch, now: number): WebhookRow {
  const { url = before.url, headers } = patch;
  if (headers === undefined && before.headerNames.length > 0 && receiverOf(url) !== receiverOf(before.url))
    throw invalid("/headers", "required", "A change of where to send needs the webhook's own headers again.");
  return {
    ...before,
    url,
    description: patch.description ?? before.description,
    types: patch.types === undefined ? before.types : patch.types,
    accountIds: patch.accountIds === undefined ? before.accountIds : patch.accountIds,
    folderRoles: patch.folderRoles === undefined ? before.folderRoles : patch.folderRoles,
    maxConcurrency: patch.maxConcurrency ?? before.maxConcurrency,
    maxPerSecond: patch.maxPerSecond === undefined ? before.maxPerSecond : patch.maxPerSecond,
    ...(headers !== undefined && sealSecrets(vault, before, { headers })),
    ...(url !== before.url && goodAgain),
    ...switched(before, patch.enabled, now),
    updatedAt: now,
  };
}

/** What was found out of its receiver before says nothing of another one, or of one that is said to be well. */
const goodAgain = { failingSince: null, holdUntil: 0 };

function switched(before: WebhookRow, enabled: boolean | undefined, now: number): Partial<WebhookRow> {
  const isEnabled = before.disabledBecause === null;
  if (enabled === undefined || enabled === isEnabled) return {};
  return enabled
    ? { disabledBecause: null, disabledAt: null, ...goodAgain }
    : { disabledBecause: "caller", disabledAt: now };
}

function receiverOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
