import { z } from "@hono/zod-openapi";
import type { getText as operation } from "../../operations/get-text.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { tagOf } from "../etag.ts";
import { foreignContent } from "../stream.ts";
import { messageErrors, messageParams } from "./schema.ts";
import { pageHeaders, showHeaders, showQuery, verdictOf } from "./show.ts";

const route = contract({
  operationId: "messages.text",
  method: "get",
  path: "/v1/accounts/{accountId}/messages/{messageId}/text",
  scope: "messages:read",
  tag: "Messages",
  summary: "Read a message as plain text",
  description:
    "Its own text, or what its HTML says where it has none. UTF-8, lines end in LF. What is longer than 256 Ki characters (of UTF-16) " +
    "comes in pages: follow the Link.",
  request: { params: messageParams, query: z.strictObject(showQuery) },
  responses: {
    200: {
      description: "The page.",
      headers: {
        ...showHeaders,
        "Text-Source": { description: "What it was made from: `text` or `html`.", schema: { type: "string" } },
      },
      content: { "text/plain": { schema: z.string() } },
    },
    304: { description: "It is the one that you have (If-None-Match).", headers: { ETag: showHeaders.ETag } },
  },
  errors: [...messageErrors, "precondition-failed"],
});

export function getText(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId } = c.req.valid("param");
    const { folder = null, reply, from } = c.req.valid("query");
    const etag = tagOf(messageId, "text", reply ?? "", String(from));
    const verdict = verdictOf(c, etag);
    const shown = await run(c.var.caller, accountId, {
      id: messageId,
      folder,
      signal: c.req.raw.signal,
      from,
      isReplyOnly: reply === "only",
      onlyWhether: verdict !== "send",
    });
    const headers = { ...pageHeaders(c, etag, shown), ...foreignContent };
    if (verdict === "not-modified") return c.body(null, 304, headers);
    return c.body(shown?.page ?? "", 200, {
      ...headers,
      "Content-Type": "text/plain; charset=utf-8",
      ...(shown !== null && { "Text-Source": shown.source }),
    });
  });
}
