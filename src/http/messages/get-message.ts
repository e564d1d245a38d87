import { z } from "@hono/zod-openapi";
import type { getMessage as operation } from "../../operations/get-message.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { copyQuery, message, messageErrors, messageParams } from "./schema.ts";

const route = contract({
  operationId: "messages.get",
  method: "get",
  path: "/v1/accounts/{accountId}/messages/{messageId}",
  scope: "messages:read",
  tag: "Messages",
  summary: "Read a message",
  description:
    "Parsed: headers, text and html. Only the parts that make the body are downloaded; attachments are described, each with " +
    "an id to download it by. Does not mark the message as seen.",
  request: { params: messageParams, query: z.strictObject(copyQuery) },
  responses: {
    200: { description: "The message.", content: { "application/json": { schema: message } } },
  },
  errors: messageErrors,
});

export function getMessage(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId } = c.req.valid("param");
    const { folder = null } = c.req.valid("query");
    const { signal } = c.req.raw;
    return c.json(await run(c.var.caller, accountId, { id: messageId, folder, signal }), 200);
  });
}
