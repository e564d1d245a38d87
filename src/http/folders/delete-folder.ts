import type { deleteFolder as operation } from "../../operations/delete-folder.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { folderChangeErrors, folderParams } from "./schema.ts";

const route = contract({
  operationId: "folders.delete",
  method: "delete",
  path: "/v1/accounts/{accountId}/folders/{folderId}",
  scope: "messages:write",
  tag: "Folders",
  summary: "Delete a folder and its mail",
  description:
    "The messages in it are removed for good: they do not go to the trash. Where folders are " +
    "labels (Gmail), only the label goes, and the messages stay in the folder of all mail. A folder that has folders below it is " +
    "`folder-protected`, because some mail servers would take those along: move or delete them first. So is the inbox.",
  request: { params: folderParams },
  responses: { 204: { description: "It is gone." } },
  errors: [...folderChangeErrors, "folder-protected", "delete-unconfirmed"],
});

export function deleteFolder(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, folderId } = c.req.valid("param");
    await run(c.var.caller, accountId, folderId, c.req.raw.signal);
    return c.body(null, 204);
  });
}
