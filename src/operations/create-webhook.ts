import { invalid } from "../errors.ts";
import { orderedId } from "../mail/id.ts";
import type { Guard } from "../mail/server.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Webhook, WebhookInput } from "../mail/webhook.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import type { WebhookRow } from "../store/webhook-rows.ts";
import type { Vault } from "../vault/vault.ts";
import { checkHeaders } from "../webhooks/check-headers.ts";
import { checkUrl } from "../webhooks/check-url.ts";
import { mintSecret } from "../webhooks/secret.ts";
import { sealSecrets } from "../webhooks/secrets-of.ts";
import { requireAccounts } from "./require-accounts.ts";
import { requireSecret } from "./require-secret.ts";
import { viewWebhook } from "./view-webhook.ts";

/** Of one app. Counted before the row is written: two at the same moment may make one more. */
const webhooksKept = 100;

/**
 * Stores a webhook with sealed secrets. The answer's `secret` is told here, and never by a read. Fails `validation-failed`: a URL,
 * headers, a secret or accounts that are no good, accounts not named by a key that is bound to some, too many webhooks;
 * `address-not-allowed` for a URL that leads where Postern may not connect to.
 */
export const createWebhook =
  (needs: {
    webhooks: Pick<Store["webhooks"], "insert" | "list">;
    accounts: Pick<Store["accounts"], "get">;
    vault: Vault;
    guard: Pick<Guard, "check">;
    clock: Pick<Clock, "now">;
  }) =>
  async (caller: AppCaller, input: WebhookInput): Promise<Webhook & { secret: string }> => {
    const { appId } = caller;
    const { description, types, accountIds, folderRoles, headers, maxConcurrency, maxPerSecond } = input;
    const url = checkUrl(needs.guard, input.url).href;
    checkHeaders(headers);
    const secret = input.secret === undefined ? mintSecret() : requireSecret(input.secret);
    await requireAccounts(needs.accounts, caller, accountIds);
    const standing = await needs.webhooks.list(appId, { after: null, limit: webhooksKept, within: null });
    if (standing.length >= webhooksKept) throw invalid("", "too-many", `An app has ${webhooksKept} webhooks at most.`);
    const now = needs.clock.now();
    const id = orderedId("whk", now);
    const holder = { id, appId, sealedKey: needs.vault.newKey({ id, appId }) };
    const row: WebhookRow = {
      ...holder,
      url,
      description,
      types,
      accountIds,
      folderRoles,
      maxConcurrency,
      maxPerSecond,
      sealedPreviousSecret: null,
      previousSecretUntil: null,
      ...sealSecrets(needs.vault, holder, { secret, headers }),
      disabledBecause: input.enabled ? null : "caller",
      disabledAt: input.enabled ? null : now,
      failingSince: null,
      holdUntil: 0,
      createdAt: now,
      updatedAt: now,
      version: 1,
    };
    await needs.webhooks.insert(row);
    return { ...viewWebhook(row, now), secret };
  };
