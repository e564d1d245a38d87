import { timestamp, timestampOrNull } from "../mail/time.ts";
import type { Webhook } from "../mail/webhook.ts";
import type { WebhookRow } from "../store/webhook-rows.ts";

/** A webhook as the API tells it at `now`: a time until when something holds is null once it has passed. */
export function viewWebhook(row: WebhookRow, now: number): Webhook {
  const ahead = (time: number | null) => (time !== null && time > now ? timestamp(time) : null);
  return {
    id: row.id,
    url: row.url,
    description: row.description,
    types: row.types,
    accountIds: row.accountIds,
    folderRoles: row.folderRoles,
    headerNames: row.headerNames,
    maxConcurrency: row.maxConcurrency,
    maxPerSecond: row.maxPerSecond,
    state: row.disabledBecause === null ? "enabled" : "disabled",
    disabledBecause: row.disabledBecause,
    disabledAt: timestampOrNull(row.disabledAt),
    failingSince: timestampOrNull(row.failingSince),
    holdUntil: ahead(row.holdUntil),
    previousSecretUntil: ahead(row.previousSecretUntil),
    createdAt: timestamp(row.createdAt),
    updatedAt: timestamp(row.updatedAt),
  };
}
