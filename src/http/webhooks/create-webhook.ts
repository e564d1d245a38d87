import type { createWebhook as operation } from "../../operations/create-webhook.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { newWebhook, webhookInput } from "./schema.ts";

const route = contract({
  operationId: "webhooks.create",
  method: "post",
  path: "/v1/webhooks",
  scope: "webhooks:write",
  tag: "Webhooks",
  summary: "Store a webhook",
  description:
    "From now on each event that it asks for is POSTed to `url`, signed by the Standard Webhooks spec with the `secret` of the answer, which is told " +
    "this once. What a request looks like is in this document's `webhooks`. `url` is not called by this: `…/test` does that. " +
    "An app has 100 webhooks at most.",
  request: { body: webhookInput },
  responses: {
    201: {
      description: "The webhook, with its secret.",
      headers: { Location: { description: "Where the webhook is.", schema: { type: "string" } } },
      content: { "application/json": { schema: newWebhook } },
    },
  },
  errors: ["address-not-allowed"],
});

export function createWebhook(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const made = await run(c.var.caller, c.req.valid("json"));
    return c.json(made, 201, { Location: `/v1/webhooks/${made.id}` });
  });
}
