import type { listMessages as operation } from "../../operations/list-messages.ts";
import { accountParams } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { bodyExpression } from "./search-expression.ts";
import { messagePage, searchBody, searchErrors } from "./search-schema.ts";

const route = contract({
  operationId: "messages.search",
  method: "post",
  path: "/v1/accounts/{accountId}/messages/search",
  scope: "messages:read",
  tag: "Messages",
  summary: "Search messages",
  description:
    "By a tree of conditions, by `q`, or both, in which case both must be true; in all folders unless `folder` names one. Changes " +
    "nothing, as the list does, and answers as that does.",
  request: { params: accountParams, body: searchBody },
  responses: {
    200: { description: "A page of messages.", content: { "application/json": { schema: messagePage } } },
  },
  errors: [...searchErrors, "invalid-cursor"],
});

export function searchMessages(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { limit, cursor, folder, order, count, include = [], ...conditions } = c.req.valid("json");
    const expressionAt = bodyExpression(conditions);
    const { signal } = c.req.raw;
    const asked = { folder, order, limit, cursor, count, include, conditions, expressionAt, signal };
    return c.json(await run(c.var.caller, c.req.valid("param").accountId, asked), 200);
  });
}
