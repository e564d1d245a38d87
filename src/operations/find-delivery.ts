import { Failure } from "../errors.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import type { DeliveryRow, WebhookRow } from "../store/webhook-rows.ts";
import { reaches } from "./find-account.ts";

/** A delivery of a webhook that the caller reaches. Fails `not-found`. */
export async function findDelivery(
  deliveries: Pick<Store["deliveries"], "get">,
  caller: AppCaller,
  webhookId: string,
  deliveryId: string,
): Promise<DeliveryRow> {
  const row = await deliveries.get(webhookId, deliveryId);
  if (row === null || !reachesDelivery(caller, row)) throw noSuchDelivery();
  return row;
}

/**
 * A webhook may have named other accounts before: what it was told of those, tests too, is not for a key that doesn't reach them.
 * A test may be about no account.
 */
export function reachesDelivery(caller: AppCaller, row: Pick<DeliveryRow, "accountId" | "testEvent">): boolean {
  return (row.testEvent !== null && row.accountId === "") || reaches(caller, row.accountId);
}

/**
 * Whether the webhook as it is now asks for the account that an event is about: it may have named others when the event came, and who
 * sees it now may not see those.
 */
export function isStillAbout({ accountIds }: Pick<WebhookRow, "accountIds">, { accountId }: DeliveryRow): boolean {
  return accountIds === null || accountIds.includes(accountId);
}

export function noSuchDelivery(): Failure {
  return new Failure("not-found", "This webhook has no delivery with this id.", {
    fix: "GET the webhook's deliveries to list them; those that were delivered are kept for three days.",
  });
}
