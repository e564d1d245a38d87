import { z } from "@hono/zod-openapi";
import type { listMessages as operation } from "../../operations/list-messages.ts";
import { accountParams, mailboxErrors } from "../accounts/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { booleanQuery, oneLine, pageOf, pageQuery, timestampInput } from "../schemas.ts";
import { folderQuery, message } from "./schema.ts";

const time = timestampInput.transform((text) => Date.parse(text));

const route = contract({
  operationId: "messages.list",
  method: "get",
  path: "/v1/accounts/{accountId}/messages",
  scope: "messages:read",
  tag: "Messages",
  summary: "List a folder's messages",
  description:
    "Newest arrival first. Carries what the server tells without a body: envelope, flags, size, attachments. `since` and " +
    "`before` compare `receivedAt` to the millisecond; text filters match as the mail server's own search does; on POP3, as Postern finds them in the headers.",
  request: {
    params: accountParams,
    query: z.strictObject({
      ...pageQuery,
      folder: folderQuery.default("inbox"),
      unseen: booleanQuery
        .optional()
        .openapi({ type: "boolean", description: "Only unread (true) or read (false) ones." }),
      flagged: booleanQuery.optional().openapi({ type: "boolean" }),
      from: oneLine(200).optional().openapi({ description: "Part of the From header.", example: "ann" }),
      subject: oneLine(200).optional().openapi({ description: "Part of the subject." }),
      since: time.optional().openapi({ type: "string", format: "date-time", description: "Received at or after." }),
      before: time.optional().openapi({ type: "string", format: "date-time", description: "Received before." }),
    }),
  },
  responses: {
    200: { description: "A page of messages.", content: { "application/json": { schema: pageOf(message) } } },
  },
  errors: [...mailboxErrors, "cursor-expired"],
});

export function listMessages(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { limit, cursor, folder, ...filter } = c.req.valid("query");
    const { signal } = c.req.raw;
    const asked = { limit, cursor, folder, filter, signal };
    return c.json(await run(c.var.caller, c.req.valid("param").accountId, asked), 200);
  });
}
