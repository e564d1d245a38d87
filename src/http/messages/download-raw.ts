import { z } from "@hono/zod-openapi";
import type { openRaw as operation } from "../../operations/open-raw.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { tagOf } from "../etag.ts";
import { askedOf, contentHeaders, download, rangeHeaders } from "./download.ts";
import { copyQuery, messageErrors, messageParams } from "./schema.ts";

const octets = { "message/rfc822": { schema: z.string().openapi({ format: "binary" }) } };

const route = contract({
  operationId: "messages.raw",
  method: "get",
  path: "/v1/accounts/{accountId}/messages/{messageId}/raw",
  scope: "messages:read",
  tag: "Messages",
  summary: "Download a message as it is",
  description:
    "Octet for octet as stored, streamed, without a Content-Length, because servers tell wrong sizes. A connection that is cut " +
    "before the end means that the mail server failed: ask for the rest by `Range`, with the ETag as `If-Range`. `Range` takes one " +
    "range; several are answered with the whole.",
  request: { params: messageParams, query: z.strictObject(copyQuery) },
  responses: {
    200: { description: "The message.", headers: contentHeaders, content: octets },
    206: { description: "The range asked for.", headers: rangeHeaders, content: octets },
    304: { description: "It is the one that you have (If-None-Match).", headers: contentHeaders },
  },
  errors: [...messageErrors, "range-not-satisfiable", "precondition-failed"],
});

export function downloadRaw(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId } = c.req.valid("param");
    const { folder = null } = c.req.valid("query");
    const asked = askedOf(c, tagOf(messageId, "raw"));
    const { signal } = c.req.raw;
    const found = await run(c.var.caller, accountId, { id: messageId, folder, octets: asked.octets, signal });
    // The server's word for the size will do for a range, whose end is checked, and not for a Content-Length.
    const size = asked.octets === "none" ? null : found.size;
    const filename = `${messageId.slice(0, 24)}.eml`;
    return download(c, asked, { ...found, size }, { contentType: "message/rfc822", filename });
  });
}
