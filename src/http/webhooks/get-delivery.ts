import type { getDelivery as operation } from "../../operations/get-delivery.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { delivery, deliveryParams } from "./schema.ts";

const route = contract({
  operationId: "webhooks.deliveries.get",
  method: "get",
  path: "/v1/webhooks/{webhookId}/deliveries/{deliveryId}",
  scope: "webhooks:read",
  tag: "Webhooks",
  summary: "Read a delivery",
  description:
    "What has become of one event for this webhook: each attempt with the answer's status and beginning, or why there was none.",
  request: { params: deliveryParams },
  responses: { 200: { description: "The delivery.", content: { "application/json": { schema: delivery } } } },
});

export function getDelivery(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { webhookId, deliveryId } = c.req.valid("param");
    return c.json(await run(c.var.caller, webhookId, deliveryId), 200);
  });
}
