import type { NewEvent } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import type { DeliveryClaim, DeliveryRow, WebhookRow } from "../../src/store/webhook-rows.ts";
import { accountRow, appRow, newEvent, webhookRow } from "./rows.ts";

export const t0 = 1_790_000_000_000;

/** An app with an account, webhooks of it, and what appends to its log. */
export async function webhookHouse(store: Store) {
  const app = appRow();
  await store.apps.insert(app);

  const account = async (): Promise<string> => {
    const row = accountRow({ appId: app.id });
    await store.accounts.insert(row);
    return row.id;
  };
  const webhook = async (change: Partial<WebhookRow> = {}): Promise<WebhookRow> => {
    const row = webhookRow(app.id, change);
    await store.webhooks.insert(row);
    return row;
  };
  const accountId = await account();
  /** Appends events of the account in one write; their ids. */
  const tell = async (changes: Partial<NewEvent>[], of = accountId): Promise<string[]> => {
    const events = changes.map((change) => newEvent(of, { appId: app.id, createdAt: t0, ...change }));
    await store.watches.write({ id: of, appId: app.id, epoch: 0 }, { events });
    return events.map(({ id }) => id);
  };
  /** Of what is queued for a webhook, the ids of the events. */
  const queued = async ({ id }: WebhookRow): Promise<string[]> => {
    const rows = await store.deliveries.list(id, { before: null, limit: 1_000, states: null });
    return rows.map(({ eventId }) => eventId);
  };
  return { app, accountId, account, webhook, tell, queued };
}

export const attempt = { at: t0, durationMs: 12, status: 200, error: null, excerpt: 'Привет "\u2028' };

/** What `settle` takes for a delivery that was attempted once more. */
export function outcome({ delivery, epoch }: DeliveryClaim, change: Partial<DeliveryRow> = {}) {
  const { id, tries, attemptCount, attempts } = delivery;
  const written = { tries: tries + 1, attemptCount: attemptCount + 1, attempts: [...attempts, attempt] };
  const over = { state: "delivered" as const, nextAttemptAt: null, finishedAt: t0 + 9 };
  return { id, epoch, ...written, ...over, ...change };
}
