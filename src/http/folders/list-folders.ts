import { z } from "@hono/zod-openapi";
import type { listFolders as operation } from "../../operations/list-folders.ts";
import { accountParams, mailboxErrors } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { folder } from "./schema.ts";

const route = contract({
  operationId: "folders.list",
  method: "get",
  path: "/v1/accounts/{accountId}/folders",
  scope: "messages:read",
  tag: "Folders",
  summary: "List the folders",
  description: "All folders with roles and counts, as the mail server has them now. Not paged: `nextCursor` is null.",
  request: { params: accountParams },
  responses: {
    200: {
      description: "The folders.",
      content: { "application/json": { schema: z.object({ data: z.array(folder), nextCursor: z.null() }) } },
    },
  },
  errors: mailboxErrors,
});

export function listFolders(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const data = await run(c.var.caller, c.req.valid("param").accountId, c.req.raw.signal);
    return c.json({ data, nextCursor: null }, 200);
  });
}
