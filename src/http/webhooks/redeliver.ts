import type { redeliver as operation } from "../../operations/redeliver.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { delivery, deliveryParams } from "./schema.ts";

const route = contract({
  operationId: "webhooks.deliveries.redeliver",
  method: "post",
  path: "/v1/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver",
  scope: "webhooks:write",
  tag: "Webhooks",
  summary: "Deliver again",
  description:
    "Sends the event again, under the same `webhook-id`: at once, and by the whole schedule where that fails. Whether it was delivered, has failed, is parked or " +
    "waits. 409 `not-changeable` while it is under way, of a test, of an account that the webhook no longer names, and while the webhook is disabled; 410 `changes-expired` when its event is no longer kept.",
  request: { params: deliveryParams },
  responses: {
    202: {
      description:
        "The delivery as it is now. `nextAttemptAt` tells when it is sent: at once, or when the webhook's `holdUntil` is over.",
      content: { "application/json": { schema: delivery } },
    },
  },
  errors: ["not-changeable", "changes-expired"],
});

export function redeliver(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { webhookId, deliveryId } = c.req.valid("param");
    return c.json(await run(c.var.caller, webhookId, deliveryId), 202);
  });
}
