import { z } from "@hono/zod-openapi";
import type { listMessages as operation } from "../../operations/list-messages.ts";
import { accountParams } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { booleanQuery, pageQuery } from "../schemas.ts";
import { includeQuery } from "./include-query.ts";
import { queryExpression } from "./search-expression.ts";
import { filterQuery, messagePage, order, repeatableFilters, searchedFolder, searchErrors } from "./search-schema.ts";

const route = contract({
  operationId: "messages.list",
  method: "get",
  path: "/v1/accounts/{accountId}/messages",
  scope: "messages:read",
  tag: "Messages",
  summary: "List messages",
  description:
    "Of a folder, or of all, newest arrival first: those that every filter and `q` are true of. Carries what the server tells " +
    "without a body: envelope, flags, size, attachments. What the account's server or protocol can't search for is refused and named, " +
    "never left out; `meta` says how the rest was found.",
  request: {
    params: accountParams,
    query: z.strictObject({
      ...pageQuery,
      cursor: z.string().min(1).max(8000).optional().openapi({
        description: "The `nextCursor` of the page before, with the rest of the query unchanged.",
      }),
      folder: searchedFolder.default("inbox"),
      order,
      count: booleanQuery
        .default(false)
        .openapi({ type: "boolean", default: false, description: "Count all that match: `meta.total`." }),
      include: includeQuery,
      ...filterQuery,
    }),
  },
  repeatable: ["include", ...repeatableFilters],
  responses: {
    200: { description: "A page of messages.", content: { "application/json": { schema: messagePage } } },
  },
  errors: searchErrors,
});

export function listMessages(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { limit, cursor, folder, order, count, include = [], ...conditions } = c.req.valid("query");
    const expressionAt = queryExpression(conditions);
    const { signal } = c.req.raw;
    const asked = { folder, order, limit, cursor, count, include, conditions, expressionAt, signal };
    return c.json(await run(c.var.caller, c.req.valid("param").accountId, asked), 200);
  });
}
