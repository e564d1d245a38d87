import { z } from "@hono/zod-openapi";
import { folderRoles } from "../../mail/folder.ts";
import type { listFolders as operation } from "../../operations/list-folders.ts";
import { accountParams, mailboxErrors } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { id, nullable } from "../schemas.ts";

const folder = z
  .object({
    id: id("fld").openapi({ description: "Stays through renames." }),
    name: z.string().openapi({ example: "Receipts" }),
    parentId: nullable(z.string()).openapi({ description: "Null at the top." }),
    role: nullable(z.enum(folderRoles).openapi("FolderRole")),
    selectable: z.boolean().openapi({ description: "False for a folder that only holds other folders." }),
    subscribed: z.boolean(),
    counts: nullable(z.object({ messages: z.int(), unseen: z.int() })).openapi({
      description: "Null where the server tells none.",
    }),
  })
  .openapi("Folder");

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
    const data = await run(c.var.caller, c.req.valid("param").accountId);
    return c.json({ data, nextCursor: null }, 200);
  });
}
