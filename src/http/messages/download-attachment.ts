import { z } from "@hono/zod-openapi";
import type { openAttachment as operation } from "../../operations/open-attachment.ts";
import { attachmentDisposition } from "../content-disposition.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { foreignContent, streamed } from "../stream.ts";
import { attachmentParams, copyQuery, messageErrors } from "./schema.ts";

const route = contract({
  operationId: "messages.attachments.download",
  method: "get",
  path: "/v1/accounts/{accountId}/messages/{messageId}/attachments/{attachmentId}",
  scope: "messages:read",
  tag: "Messages",
  summary: "Download an attachment",
  description: "Decoded and streamed, in its own media type, and only ever to be saved, not shown.",
  request: { params: attachmentParams, query: z.strictObject(copyQuery) },
  responses: {
    200: { description: "The attachment.", content: { "*/*": { schema: z.string().openapi({ format: "binary" }) } } },
  },
  errors: messageErrors,
});

export function downloadAttachment(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId, attachmentId } = c.req.valid("param");
    const { folder = null } = c.req.valid("query");
    const { part, stream } = await run(c.var.caller, accountId, { id: messageId, folder, attachmentId });
    return streamed(c, {
      contentType: mediaType(part.contentType),
      stream,
      size: null,
      headers: { ...foreignContent, "Content-Disposition": attachmentDisposition(part.filename) },
    });
  });
}

/** A stranger wrote the type: what is no media type (RFC 9110 §8.3.1) is sent as octets. */
function mediaType(contentType: string): string {
  return /^[a-z0-9!#$&^_.+-]{1,100}\/[a-z0-9!#$&^_.+-]{1,100}$/.test(contentType)
    ? contentType
    : "application/octet-stream";
}
