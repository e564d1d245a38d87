import { z } from "@hono/zod-openapi";
import type { openAttachment as operation } from "../../operations/open-attachment.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { tagOf } from "../etag.ts";
import { askedOf, contentHeaders, download, rangeHeaders } from "./download.ts";
import { attachmentParams, copyQuery, messageErrors } from "./schema.ts";

const octets = { "*/*": { schema: z.string().openapi({ format: "binary" }) } };

const route = contract({
  operationId: "messages.attachments.download",
  method: "get",
  path: "/v1/accounts/{accountId}/messages/{messageId}/attachments/{attachmentId}",
  scope: "messages:read",
  tag: "Messages",
  summary: "Download an attachment",
  description:
    "Decoded and streamed, in its own media type, and only ever to be saved, not shown. A connection that is cut before the end means " +
    "that the mail server failed. `Range` takes one range. Of a base64 or quoted-printable part, and on POP3 of any, the " +
    "decoded size is not known beforehand: up to 4 MiB every range is answered; of a larger part one of at most 4 MiB with both ends, within the first 128 MiB; " +
    "any other is answered with the whole, as 200.",
  request: { params: attachmentParams, query: z.strictObject(copyQuery) },
  responses: {
    200: { description: "The attachment.", headers: contentHeaders, content: octets },
    206: { description: "The range asked for.", headers: rangeHeaders, content: octets },
    304: { description: "It is the one that you have (If-None-Match).", headers: contentHeaders },
  },
  errors: [...messageErrors, "range-not-satisfiable", "precondition-failed"],
});

export function downloadAttachment(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId, attachmentId } = c.req.valid("param");
    const { folder = null } = c.req.valid("query");
    const asked = askedOf(c, tagOf(messageId, attachmentId));
    const { signal } = c.req.raw;
    const wanted = { id: messageId, folder, attachmentId, octets: asked.octets, signal };
    const { part, ...found } = await run(c.var.caller, accountId, wanted);
    return download(c, asked, found, { contentType: mediaType(part.contentType), filename: part.filename });
  });
}

/** A stranger wrote the type: what is no media type (RFC 9110 §8.3.1) is sent as octets. */
function mediaType(contentType: string): string {
  return /^[a-z0-9!#$&^_.+-]{1,100}\/[a-z0-9!#$&^_.+-]{1,100}$/.test(contentType)
    ? contentType
    : "application/octet-stream";
}
