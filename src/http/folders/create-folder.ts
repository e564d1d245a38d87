import type { createFolder as operation } from "../../operations/create-folder.ts";
import { accountParams } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { folder, folderChangeErrors, folderInput } from "./schema.ts";

const route = contract({
  operationId: "folders.create",
  method: "post",
  path: "/v1/accounts/{accountId}/folders",
  scope: "messages:write",
  tag: "Folders",
  summary: "Make a folder",
  description:
    "Below `parentId`, or at the top. The top is where the user's own folders lie: on a server that keeps them all below the " +
    "inbox (`INBOX.`) it is there, and such folders have `parentId` null like anywhere else. The folder is subscribed to. A " +
    "name that the mail server does not take is `refused-by-server`, with its words in `upstream.text`; a server may also " +
    "change the name, so go by the answer.",
  request: { params: accountParams, body: folderInput },
  responses: {
    201: {
      description: "The folder.",
      headers: { Location: { description: "Where the folder is.", schema: { type: "string" } } },
      content: { "application/json": { schema: folder } },
    },
  },
  errors: [...folderChangeErrors, "folder-exists"],
});

export function createFolder(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId } = c.req.valid("param");
    const { name, parentId = null } = c.req.valid("json");
    const made = await run(c.var.caller, accountId, { name, parentId }, c.req.raw.signal);
    c.header("Location", `/v1/accounts/${accountId}/folders/${made.id}`);
    return c.json(made, 201);
  });
}
