import { z } from "@hono/zod-openapi";
import type { listDeliveries as operation } from "../../operations/list-deliveries.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { pageOf, pageQuery } from "../schemas.ts";
import { delivery, stateQuery, webhookParams } from "./schema.ts";

const route = contract({
  operationId: "webhooks.deliveries.list",
  method: "get",
  path: "/v1/webhooks/{webhookId}/deliveries",
  scope: "webhooks:read",
  tag: "Webhooks",
  summary: "List a webhook's deliveries",
  description:
    "Newest first. Those that were delivered are kept for 3 days, all others as long as events (30 days by default). A page of a key that is bound to accounts " +
    "may hold fewer than `limit` and not be the last.",
  request: { params: webhookParams, query: z.strictObject({ ...pageQuery, state: stateQuery }) },
  repeatable: ["state"],
  responses: {
    200: { description: "A page of deliveries.", content: { "application/json": { schema: pageOf(delivery) } } },
  },
});

export function listDeliveries(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) =>
    c.json(await run(c.var.caller, c.req.valid("param").webhookId, c.req.valid("query")), 200),
  );
}
