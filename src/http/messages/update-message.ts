import { z } from "@hono/zod-openapi";
import type { FlagChange } from "../../mail/flags.ts";
import type { updateMessage as operation } from "../../operations/update-message.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { etagHeader, ifMatchHeaders, messageTag, preconditionOf } from "./message-tag.ts";
import { copyQuery, message, messageErrors, messageParams, messagePatch } from "./schema.ts";

const route = contract({
  operationId: "messages.update",
  method: "patch",
  path: "/v1/accounts/{accountId}/messages/{messageId}",
  scope: "messages:write",
  tag: "Messages",
  summary: "Flag or move a message",
  description:
    "Flags and keywords first, then the folder. When a later step fails, the problem says by `applied` what was done. The " +
    "id stays the same through the move. With `If-Match` it is changed only as long as it has that ETag.",
  request: { params: messageParams, query: z.strictObject(copyQuery), headers: ifMatchHeaders, body: messagePatch },
  responses: {
    200: {
      description: "The message as it is now.",
      headers: { ETag: etagHeader },
      content: { "application/json": { schema: message } },
    },
  },
  errors: [...messageErrors, "precondition-failed", "delete-unconfirmed"],
});

export function updateMessage(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId } = c.req.valid("param");
    const { folder = null } = c.req.valid("query");
    const { flags, keywords, folderId = null } = c.req.valid("json");
    const change = flags === undefined && keywords === undefined ? null : changeOf(flags, keywords);
    const { signal } = c.req.raw;
    const patch = { change, folderId, precondition: preconditionOf(c.req.header("If-Match")) };
    const changed = await run(c.var.caller, accountId, { id: messageId, folder, signal }, patch);
    return c.json(changed, 200, { ETag: messageTag(changed) });
  });
}

type Patch = z.infer<typeof messagePatch>;

/** What a body says of flags and keywords; not both may be absent. */
export function changeOf(flags: Patch["flags"], keywords: Patch["keywords"]): FlagChange {
  const set = Object.entries(flags ?? {}).filter(([, value]) => value !== undefined);
  return {
    flags: Object.fromEntries(set),
    keywords: { add: keywords?.add ?? [], remove: keywords?.remove ?? [] },
  };
}
