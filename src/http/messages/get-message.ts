import { z } from "@hono/zod-openapi";
import type { MessageState } from "../../mail/message.ts";
import type { getMessage as operation } from "../../operations/get-message.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { matches } from "../etag.ts";
import { etagHeader, ifNoneMatchHeaders, messageTag, preconditionOf } from "./message-tag.ts";
import { copyQuery, message, messageErrors, messageParams } from "./schema.ts";

/** Kept by the caller alone, and asked for again each time: it may have changed, or the key. */
const caching = { "Cache-Control": "private, no-cache" };

const route = contract({
  operationId: "messages.get",
  method: "get",
  path: "/v1/accounts/{accountId}/messages/{messageId}",
  scope: "messages:read",
  tag: "Messages",
  summary: "Read a message",
  description:
    "Parsed: headers, text and html. Only the parts that make the body, and a calendar, are downloaded; attachments are described, each with " +
    "an id to download it by. Does not mark the message as seen. With `If-None-Match` only its flags are read, as long as nothing has changed.",
  request: { params: messageParams, query: z.strictObject(copyQuery), headers: ifNoneMatchHeaders },
  responses: {
    200: {
      description: "The message.",
      headers: { ETag: etagHeader },
      content: { "application/json": { schema: message } },
    },
    304: { description: "It is as you have it (If-None-Match).", headers: { ETag: etagHeader } },
  },
  errors: [...messageErrors, "precondition-failed"],
});

export function getMessage(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId } = c.req.valid("param");
    const { folder = null } = c.req.valid("query");
    const { signal } = c.req.raw;
    const [known, wanted] = [c.req.header("If-None-Match"), c.req.header("If-Match")];
    let etag = "";
    /** Conditions in the order of RFC 9110 §13.2.2. */
    const isCurrent = (state: MessageState): boolean => {
      preconditionOf(wanted)?.(state);
      etag = messageTag(state);
      return matches(known, etag);
    };
    const found = await run(c.var.caller, accountId, {
      id: messageId,
      folder,
      signal,
      isCurrent: (known ?? wanted) === undefined ? null : isCurrent,
    });
    if (found === null) return c.body(null, 304, { ...caching, ETag: etag });
    return c.json(found, 200, { ...caching, ETag: messageTag(found) });
  });
}
