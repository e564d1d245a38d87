import type { DeliveryRow, WebhookRow } from "../../src/store/webhook-rows.ts";
import { createVault } from "../../src/vault/vault.ts";
import { sealSecrets } from "../../src/webhooks/secrets-of.ts";

export const vault = createVault({ secret: "a-long-random-sealing-secret-0001" });
export const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

export function webhookRow(change: Partial<WebhookRow> = {}, headers: Record<string, string> = {}): WebhookRow {
  const id = { id: change.id ?? "whk_1", appId: change.appId ?? "app_1" };
  const holder = { ...id, sealedKey: vault.newKey(id) };
  return {
    ...holder,
    url: "https://hooks.example.org/in?a=b",
    description: "",
    types: null,
    accountIds: null,
    folderRoles: null,
    maxConcurrency: 20,
    maxPerSecond: null,
    sealedPreviousSecret: null,
    previousSecretUntil: null,
    disabledBecause: null,
    disabledAt: null,
    failingSince: null,
    holdUntil: 0,
    createdAt: 0,
    updatedAt: 0,
    version: 1,
    ...sealSecrets(vault, holder, { secret, headers }),
    ...change,
  };
}

export function deliveryRow(change: Partial<DeliveryRow> = {}): DeliveryRow {
  return {
    id: "dlv_1",
    appId: "app_1",
    webhookId: "whk_1",
    accountId: "acc_1",
    eventId: "evt_1",
    type: "message.created",
    testEvent: null,
    state: "delivering",
    tries: 0,
    attemptCount: 0,
    attempts: [],
    nextAttemptAt: null,
    createdAt: 0,
    finishedAt: null,
    ...change,
  };
}
