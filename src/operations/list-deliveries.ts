import type { AppCaller } from "../mail/tenant.ts";
import type { Delivery, DeliveryState } from "../mail/webhook.ts";
import type { Store } from "../store/store.ts";
import { type Page, pageOfRows, startOf } from "./cursor.ts";
import { reachesDelivery } from "./find-delivery.ts";
import { findWebhook } from "./find-webhook.ts";
import { viewDelivery } from "./view-delivery.ts";

type Asked = { limit: number; cursor?: string | undefined; state?: DeliveryState[] | undefined };

/**
 * A webhook's deliveries, newest first. A page may hold fewer than `limit` and still not be the last: of a webhook that named other
 * accounts before, a key sees what is its own. Fails `not-found`, `invalid-cursor`.
 */
export const listDeliveries =
  (needs: {
    webhooks: Pick<Store["webhooks"], "get">;
    deliveries: Pick<Store["deliveries"], "list">;
    cursorKey: Uint8Array;
  }) =>
  async (caller: AppCaller, webhookId: string, { limit, cursor, state }: Asked): Promise<Page<Delivery>> => {
    const webhook = await findWebhook(needs.webhooks, caller, webhookId);
    const states = state === undefined ? null : [...new Set(state)].sort();
    const filter = ["deliveries", webhook.id, states];
    const before = startOf(needs.cursorKey, filter, cursor);
    const rows = await needs.deliveries.list(webhook.id, { before, limit: limit + 1, states });
    const { data, nextCursor } = pageOfRows(needs.cursorKey, filter, rows, limit, (row) => row);
    const seen = data.filter((row) => reachesDelivery(caller, row));
    return { data: seen.map((row) => viewDelivery(row, webhook)), nextCursor };
  };
