import { z } from "@hono/zod-openapi";
import type { listWebhooks as operation } from "../../operations/list-webhooks.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { pageOf, pageQuery } from "../schemas.ts";
import { webhook } from "./schema.ts";

const route = contract({
  operationId: "webhooks.list",
  method: "get",
  path: "/v1/webhooks",
  scope: "webhooks:read",
  tag: "Webhooks",
  summary: "List the webhooks",
  description:
    "Oldest first. A key that is bound to accounts sees those that name accounts, all of them its own; others are not there for it.",
  request: { query: z.strictObject(pageQuery) },
  responses: {
    200: { description: "A page of webhooks.", content: { "application/json": { schema: pageOf(webhook) } } },
  },
});

export function listWebhooks(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.var.caller, c.req.valid("query")), 200));
}
