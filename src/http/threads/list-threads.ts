import { z } from "@hono/zod-openapi";
import type { listThreads as operation } from "../../operations/list-threads.ts";
import { accountParams } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { includeQuery } from "../messages/include-query.ts";
import { folderQuery } from "../messages/schema.ts";
import { pageQuery } from "../schemas.ts";
import { threadErrors, threadPage } from "./schema.ts";

const route = contract({
  operationId: "threads.list",
  method: "get",
  path: "/v1/accounts/{accountId}/threads",
  scope: "messages:read",
  tag: "Threads",
  summary: "List conversations",
  description:
    "The one with the latest message first, each with that message; in all folders of the account that are watched. A thread that gets " +
    "a message while you turn the pages goes to the front: it is on none of the later pages. `meta` says what is indexed.",
  request: {
    params: accountParams,
    query: z.strictObject({
      ...pageQuery,
      folder: folderQuery.optional().openapi({
        type: "string",
        description: "Only threads that have a message in this folder: its id, or a role.",
      }),
      include: includeQuery,
    }),
  },
  repeatable: ["include"],
  responses: {
    200: {
      description: "A page of threads. It may be short, or empty, and go on all the same.",
      content: { "application/json": { schema: threadPage } },
    },
  },
  errors: threadErrors,
});

export function listThreads(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { folder = null, limit, cursor, include = [] } = c.req.valid("query");
    const asked = { folder, limit, cursor, include, signal: c.req.raw.signal };
    return c.json(await run(c.var.caller, c.req.valid("param").accountId, asked), 200);
  });
}
