import { z } from "@hono/zod-openapi";
import type { listSubmissions as operation } from "../../operations/list-submissions.ts";
import { accountParams } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { pageOf, pageQuery } from "../schemas.ts";
import { submission } from "./schema.ts";

const route = contract({
  operationId: "submissions.list",
  method: "get",
  path: "/v1/accounts/{accountId}/submissions",
  scope: "messages:send",
  tag: "Submissions",
  summary: "List an account's submissions",
  description: "Newest first, whatever became of them. Each is kept with its outcome until 30 days after it.",
  request: { params: accountParams, query: z.strictObject(pageQuery) },
  responses: {
    200: { description: "A page of submissions.", content: { "application/json": { schema: pageOf(submission) } } },
  },
});

export function listSubmissions(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) =>
    c.json(await run(c.var.caller, c.req.valid("param").accountId, c.req.valid("query")), 200),
  );
}
