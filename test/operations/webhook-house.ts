import type { AppCaller } from "../../src/mail/tenant.ts";
import type { WebhookAnswer, WebhookInput, WebhookRequest } from "../../src/mail/webhook.ts";
import type { Clock } from "../../src/observe.ts";
import { createGuard } from "../../src/net/guard.ts";
import { createWebhook } from "../../src/operations/create-webhook.ts";
import { deleteWebhook } from "../../src/operations/delete-webhook.ts";
import { getDelivery } from "../../src/operations/get-delivery.ts";
import { getWebhook } from "../../src/operations/get-webhook.ts";
import { listDeliveries } from "../../src/operations/list-deliveries.ts";
import { listWebhooks } from "../../src/operations/list-webhooks.ts";
import { redeliver } from "../../src/operations/redeliver.ts";
import { rotateWebhookSecret } from "../../src/operations/rotate-webhook-secret.ts";
import { testWebhook } from "../../src/operations/test-webhook.ts";
import { updateWebhook } from "../../src/operations/update-webhook.ts";
import type { Store } from "../../src/store/store.ts";
import { createVault } from "../../src/vault/vault.ts";
import { attemptDelivery } from "../../src/webhooks/attempt-delivery.ts";
import { openEventHouse } from "./event-house.ts";

export type WebhookHouse = Awaited<ReturnType<typeof openWebhookHouse>>;

export const sealingSecret = "a-sealing-secret-for-the-tests-0123456789";

/** An answer of a receiver. */
export const answered = (status: number, body = ""): WebhookAnswer => ({
  status,
  retryAfter: null,
  headAfterMs: 0,
  body: new TextEncoder().encode(body),
});

/** A webhook's settings as the API's defaults make them. */
export function webhookInput(change: Partial<WebhookInput> = {}): WebhookInput {
  return {
    url: "https://receiver.example/hook",
    description: "",
    types: null,
    accountIds: null,
    folderRoles: null,
    headers: {},
    maxConcurrency: 20,
    maxPerSecond: null,
    enabled: true,
    ...change,
  };
}

type Needs = Pick<Store, "webhooks" | "deliveries" | "accounts"> & { clock: Pick<Clock, "now">; cursorKey: Uint8Array };

/** The operations on webhooks, with a receiver that is a function. */
export function webhookOperations(given: Needs) {
  const vault = createVault({ secret: sealingSecret });
  const guard = createGuard({
    resolve: async () => ["198.41.0.4"],
    allowNetworks: ["127.0.0.0/8"],
    allowPorts: [],
    allowInsecure: false,
    pin: true,
    timeoutMs: 5000,
  });
  const receiver = { answer: (): Promise<WebhookAnswer> => Promise.resolve(answered(204)) };
  const posted: WebhookRequest[] = [];
  const poster = {
    post(request: WebhookRequest) {
      posted.push(request);
      return receiver.answer();
    },
  };
  const woken: string[] = [];
  const wake = { wake: (topic: string, key: string) => void woken.push(`${topic} ${key}`) };
  const needs = { ...given, vault, guard, wake, owner: "test" };
  const attempt = attemptDelivery({ ...needs, poster, timeoutMs: 15_000 });
  return {
    needs,
    /** What has been posted, in order. */
    posted,
    receiver,
    woken,
    operations: {
      createWebhook: createWebhook(needs),
      listWebhooks: listWebhooks(needs),
      getWebhook: getWebhook(needs),
      updateWebhook: updateWebhook(needs),
      deleteWebhook: deleteWebhook(needs),
      testWebhook: testWebhook({ ...needs, attemptDelivery: attempt }),
      rotateWebhookSecret: rotateWebhookSecret(needs),
      listDeliveries: listDeliveries(needs),
      getDelivery: getDelivery(needs),
      redeliver: redeliver(needs),
    },
  };
}

/** The same on a real SQLite file, with a clock that stands still and tenants. */
export async function openWebhookHouse() {
  const house = await openEventHouse();
  return {
    ...house,
    ...webhookOperations(house.needs),
    /** The same caller with a key that is bound to accounts. */
    bound: (caller: AppCaller, ...accountIds: string[]): AppCaller => ({ ...caller, accountIds }),
  };
}
