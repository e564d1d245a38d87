import { z } from "@hono/zod-openapi";
import type { getThread as operation } from "../../operations/get-thread.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { includeQuery } from "../messages/include-query.ts";
import { thread, threadErrors, threadParams } from "./schema.ts";

const route = contract({
  operationId: "threads.get",
  method: "get",
  path: "/v1/accounts/{accountId}/threads/{threadId}",
  scope: "messages:read",
  tag: "Threads",
  summary: "Read a conversation",
  description:
    "Its messages from all folders, sent ones among them, oldest first, as lists tell them. An id that the thread had before it was merged into " +
    "another answers too, with the id that it has now.",
  request: { params: threadParams, query: z.strictObject({ include: includeQuery }) },
  repeatable: ["include"],
  responses: { 200: { description: "The thread.", content: { "application/json": { schema: thread } } } },
  errors: threadErrors,
});

export function getThread(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, threadId } = c.req.valid("param");
    const { include = [] } = c.req.valid("query");
    return c.json(await run(c.var.caller, accountId, { id: threadId, include, signal: c.req.raw.signal }), 200);
  });
}
