import { z } from "@hono/zod-openapi";
import type { listApps as operation } from "../../operations/list-apps.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { pageOf, pageQuery } from "../schemas.ts";
import { app as appSchema } from "./schema.ts";

const route = contract({
  operationId: "apps.list",
  method: "get",
  path: "/v1/apps",
  scope: "operator",
  tag: "Apps",
  summary: "List the apps",
  description: "All apps of this server, in a stable order.",
  request: { query: z.strictObject(pageQuery) },
  responses: {
    200: { description: "A page of apps.", content: { "application/json": { schema: pageOf(appSchema) } } },
  },
});

export function listApps(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.req.valid("query")), 200));
}
