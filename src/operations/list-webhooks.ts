import type { AppCaller } from "../mail/tenant.ts";
import type { Webhook } from "../mail/webhook.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import { type Page, pageOfRows, startOf } from "./cursor.ts";
import { viewWebhook } from "./view-webhook.ts";

/** The webhooks that the key reaches, oldest first. Fails `invalid-cursor`. */
export const listWebhooks =
  (needs: { webhooks: Pick<Store["webhooks"], "list">; cursorKey: Uint8Array; clock: Pick<Clock, "now"> }) =>
  async (
    caller: AppCaller,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
  ): Promise<Page<Webhook>> => {
    const filter = ["webhooks", caller.appId, caller.accountIds];
    const after = startOf(needs.cursorKey, filter, cursor);
    const rows = await needs.webhooks.list(caller.appId, { after, limit: limit + 1, within: caller.accountIds });
    const now = needs.clock.now();
    return pageOfRows(needs.cursorKey, filter, rows, limit, (row) => viewWebhook(row, now));
  };
