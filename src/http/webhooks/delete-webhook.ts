import type { deleteWebhook as operation } from "../../operations/delete-webhook.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { webhookParams } from "./schema.ts";

const route = contract({
  operationId: "webhooks.delete",
  method: "delete",
  path: "/v1/webhooks/{webhookId}",
  scope: "webhooks:write",
  tag: "Webhooks",
  summary: "Remove a webhook",
  description:
    "Forgets the webhook with its secret and its deliveries; what waits is not sent any more. A request that is under way may still arrive.",
  request: { params: webhookParams },
  responses: { 204: { description: "It is removed." } },
});

export function deleteWebhook(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    await run(c.var.caller, c.req.valid("param").webhookId);
    return c.body(null, 204);
  });
}
