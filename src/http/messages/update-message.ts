import { z } from "@hono/zod-openapi";
import type { FlagChange } from "../../mail/flags.ts";
import type { updateMessage as operation } from "../../operations/update-message.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
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
    "id stays the same through the move.",
  request: { params: messageParams, query: z.strictObject(copyQuery), body: messagePatch },
  responses: {
    200: { description: "The message as it is now.", content: { "application/json": { schema: message } } },
  },
  errors: [...messageErrors, "delete-unconfirmed"],
});

export function updateMessage(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId } = c.req.valid("param");
    const { folder = null } = c.req.valid("query");
    const { flags, keywords, folderId = null } = c.req.valid("json");
    const change = flags === undefined && keywords === undefined ? null : changeOf(flags, keywords);
    const { signal } = c.req.raw;
    return c.json(await run(c.var.caller, accountId, { id: messageId, folder, signal }, { change, folderId }), 200);
  });
}

type Patch = z.infer<typeof messagePatch>;

function changeOf(flags: Patch["flags"], keywords: Patch["keywords"]): FlagChange {
  const set = Object.entries(flags ?? {}).filter(([, value]) => value !== undefined);
  return {
    flags: Object.fromEntries(set),
    keywords: { add: keywords?.add ?? [], remove: keywords?.remove ?? [] },
  };
}
