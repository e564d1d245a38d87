import { z } from "@hono/zod-openapi";
import type { listKeys as operation } from "../../operations/list-keys.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { pageOf, pageQuery } from "../schemas.ts";
import { apiKey, appParam } from "./schema.ts";

const route = contract({
  operationId: "apps.keys.list",
  method: "get",
  path: "/v1/apps/{appId}/keys",
  scope: "operator",
  tag: "Keys",
  summary: "List an app's keys",
  description: "All keys of the app in a stable order, expired ones too. The keys themselves are not in it.",
  request: { params: appParam, query: z.strictObject(pageQuery) },
  responses: {
    200: { description: "A page of keys.", content: { "application/json": { schema: pageOf(apiKey) } } },
  },
});

export function listKeys(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.req.valid("param").appId, c.req.valid("query")), 200));
}
