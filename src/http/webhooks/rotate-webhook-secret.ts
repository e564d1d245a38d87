import type { rotateWebhookSecret as operation } from "../../operations/rotate-webhook-secret.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { rotatedSecret, secretInput, webhookParams } from "./schema.ts";

const route = contract({
  operationId: "webhooks.rotateSecret",
  method: "post",
  path: "/v1/webhooks/{webhookId}/rotate-secret",
  scope: "webhooks:write",
  tag: "Webhooks",
  summary: "Give a webhook another secret",
  description:
    "For 24 hours each request is signed by both secrets (two signatures in `webhook-signature`), so that you can change your receiver without losing " +
    "any. Rotating again within that time forgets the oldest. The secret that the webhook has already changes nothing. For one that Postern makes send `{}`.",
  request: { params: webhookParams, body: secretInput },
  responses: {
    200: { description: "The secret, told this once.", content: { "application/json": { schema: rotatedSecret } } },
  },
});

export function rotateWebhookSecret(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) =>
    c.json(await run(c.var.caller, c.req.valid("param").webhookId, c.req.valid("json")), 200),
  );
}
