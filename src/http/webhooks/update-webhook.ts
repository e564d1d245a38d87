import type { updateWebhook as operation } from "../../operations/update-webhook.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { webhook, webhookParams, webhookPatch } from "./schema.ts";

const route = contract({
  operationId: "webhooks.update",
  method: "patch",
  path: "/v1/webhooks/{webhookId}",
  scope: "webhooks:write",
  tag: "Webhooks",
  summary: "Change a webhook",
  description:
    "What is absent stays; `null` means all, as when it was stored. `headers` replaces all of them. What waits to be delivered goes to the webhook as it is then. " +
    "`enabled: false` keeps what waits and collects nothing new; `enabled: true` goes on, also where it was disabled because of its receiver. " +
    "Another scheme, host, port or path of `url` needs `headers` again where there are some (`{}` for none), so that their values are sent nowhere else. " +
    "The secret has a route of its own.",
  request: { params: webhookParams, body: webhookPatch },
  responses: {
    200: { description: "The webhook as it is now.", content: { "application/json": { schema: webhook } } },
  },
  errors: ["address-not-allowed"],
});

export function updateWebhook(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) =>
    c.json(await run(c.var.caller, c.req.valid("param").webhookId, c.req.valid("json")), 200),
  );
}
