import type { updateFolder as operation } from "../../operations/update-folder.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { folder, folderChangeErrors, folderParams, folderPatch } from "./schema.ts";

const route = contract({
  operationId: "folders.update",
  method: "patch",
  path: "/v1/accounts/{accountId}/folders/{folderId}",
  scope: "messages:write",
  tag: "Folders",
  summary: "Rename, move or subscribe to a folder",
  description:
    "Name and place first, then the subscription; when that fails, the problem says by `applied` what was done. Folders below " +
    "it go along. The ids of all of them, and of their messages, stay. The inbox can't be renamed or moved.",
  request: { params: folderParams, body: folderPatch },
  responses: {
    200: { description: "The folder as it is now.", content: { "application/json": { schema: folder } } },
  },
  errors: [...folderChangeErrors, "folder-exists", "folder-protected"],
});

export function updateFolder(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, folderId } = c.req.valid("param");
    return c.json(await run(c.var.caller, accountId, folderId, c.req.valid("json"), c.req.raw.signal), 200);
  });
}
