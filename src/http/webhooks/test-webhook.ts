import type { testWebhook as operation } from "../../operations/test-webhook.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { exampleOf } from "../events/examples.ts";
import { delivery, testInput, webhookParams } from "./schema.ts";

const route = contract({
  operationId: "webhooks.test",
  method: "post",
  path: "/v1/webhooks/{webhookId}/test",
  scope: "webhooks:write",
  tag: "Webhooks",
  summary: "Send an example",
  description:
    "POSTs an example event of a type to the webhook now, whatever its filters, and waits for the answer: signed, with its headers, as the real ones. It " +
    "has an id of its own, `sequence` 0, and stands in no log; its ids are made up, but for `accountId` where the webhook names accounts. Works on a disabled webhook too; " +
    "is tried once, and stands among the deliveries. 200 also where the receiver failed: `state` and `attempts` tell. " +
    "Ten at once of an app, more are 429.",
  request: { params: webhookParams, body: testInput },
  responses: {
    200: {
      description: "The delivery, with its attempt.",
      content: { "application/json": { schema: delivery } },
    },
  },
  errors: ["rate-limited"],
});

export function testWebhook(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const example = exampleOf(c.req.valid("json").type);
    return c.json(await run(c.var.caller, c.req.valid("param").webhookId, example), 200);
  });
}
