import type { getFolder as operation } from "../../operations/get-folder.ts";
import { mailboxErrors } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { folder, folderParams } from "./schema.ts";

const route = contract({
  operationId: "folders.get",
  method: "get",
  path: "/v1/accounts/{accountId}/folders/{folderId}",
  scope: "messages:read",
  tag: "Folders",
  summary: "Read a folder",
  description: "One folder with its counts, as the mail server has it now.",
  request: { params: folderParams },
  responses: { 200: { description: "The folder.", content: { "application/json": { schema: folder } } } },
  errors: mailboxErrors,
});

export function getFolder(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, folderId } = c.req.valid("param");
    return c.json(await run(c.var.caller, accountId, folderId, c.req.raw.signal), 200);
  });
}
