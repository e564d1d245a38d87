import { Failure } from "../errors.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import type { WebhookRow } from "../store/webhook-rows.ts";
import { reaches } from "./find-account.ts";

/**
 * The webhook, if it is the caller's app's and reaches no further than the key: of a key that is bound to accounts, one that names
 * accounts, all of them his. Else `not-found`, whatever the reason.
 */
export async function findWebhook(
  webhooks: Pick<Store["webhooks"], "get">,
  caller: AppCaller,
  webhookId: string,
): Promise<WebhookRow> {
  const row = await webhooks.get(caller.appId, webhookId);
  if (row === null || !isWithin(caller, row))
    throw new Failure("not-found", "There is no webhook with this id.", {
      fix: "GET /v1/webhooks lists the webhooks that this key reaches.",
    });
  return row;
}

function isWithin(caller: AppCaller, { accountIds }: WebhookRow): boolean {
  return caller.accountIds === null || accountIds?.every((accountId) => reaches(caller, accountId)) === true;
}
