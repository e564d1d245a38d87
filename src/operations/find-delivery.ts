import { Failure } from "../errors.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import type { DeliveryRow } from "../store/webhook-rows.ts";
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

/** A webhook may have named other accounts before: what it was told of those is not for a key that doesn't reach them. */
export function reachesDelivery(caller: AppCaller, row: Pick<DeliveryRow, "accountId" | "testEvent">): boolean {
  return row.testEvent !== null || reaches(caller, row.accountId);
}

export function noSuchDelivery(): Failure {
  return new Failure("not-found", "This webhook has no delivery with this id.", {
    fix: "GET the webhook's deliveries to list them; those that were delivered are kept for three days.",
  });
}
