import type { getWebhook as operation } from "../../operations/get-webhook.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { webhook, webhookParams } from "./schema.ts";

const route = contract({
  operationId: "webhooks.get",
  method: "get",
  path: "/v1/webhooks/{webhookId}",
  scope: "webhooks:read",
  tag: "Webhooks",
  summary: "Read a webhook",
  description:
    "What it asks for, and how its receiver is doing. Its secret and the values of its headers are not told.",
  request: { params: webhookParams },
  responses: { 200: { description: "The webhook.", content: { "application/json": { schema: webhook } } } },
});

export function getWebhook(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.var.caller, c.req.valid("param").webhookId), 200));
}
