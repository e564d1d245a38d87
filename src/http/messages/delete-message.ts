import { z } from "@hono/zod-openapi";
import type { deleteMessage as operation } from "../../operations/delete-message.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { booleanQuery } from "../schemas.ts";
import { ifMatchHeaders, preconditionOf } from "./message-tag.ts";
import { copyQuery, messageErrors, messageParams } from "./schema.ts";

const route = contract({
  operationId: "messages.delete",
  method: "delete",
  path: "/v1/accounts/{accountId}/messages/{messageId}",
  scope: "messages:write",
  tag: "Messages",
  summary: "Delete a message",
  description:
    "Moves it to the trash. `permanent=true` removes exactly this message for good. With `If-Match` it is done only as long as " +
    "the message has that ETag.",
  request: {
    params: messageParams,
    headers: ifMatchHeaders,
    query: z.strictObject({
      ...copyQuery,
      permanent: booleanQuery
        .optional()
        .openapi({ type: "boolean", default: false, description: "Remove for good instead of moving to the trash." }),
    }),
  },
  responses: { 204: { description: "It is done, or was in the trash already." } },
  errors: [...messageErrors, "precondition-failed", "delete-unconfirmed"],
});

export function deleteMessage(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId } = c.req.valid("param");
    const { folder = null, permanent = false } = c.req.valid("query");
    const { signal } = c.req.raw;
    const precondition = preconditionOf(c.req.header("If-Match"));
    await run(c.var.caller, accountId, { id: messageId, folder, permanent, signal, precondition });
    return c.body(null, 204);
  });
}
