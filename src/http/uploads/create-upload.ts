import { z } from "@hono/zod-openapi";
import { emptyUpload, requireAttachable, type createUpload as operation } from "../../operations/create-upload.ts";
import { accountParams } from "../accounts/schema.ts";
import { anyMedia, bodyBytes, hasBody } from "../body.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { oneLine } from "../schemas.ts";
import { upload } from "./schema.ts";

const route = contract({
  operationId: "uploads.create",
  method: "post",
  path: "/v1/accounts/{accountId}/uploads",
  scope: "messages:send",
  tag: "Submissions",
  summary: "Upload an attachment",
  description:
    "The body is the file, octet for octet, of any size that a message may have (POSTERN_MAX_MESSAGE, 50 MiB by default); it is written as it " +
    "comes. Its Content-Type is the attachment's, application/octet-stream where there is none. No multipart, and no form: those " +
    "are 415. Name the `id` as `uploadId` in the attachments of as many submissions as you like, within 24 hours; then it is gone. " +
    "Nothing else can be done with an upload, so there is no Location. One that breaks off leaves nothing behind.",
  request: {
    params: accountParams,
    query: z.strictObject({
      filename: oneLine(255).openapi({
        description: "What the recipient sees, unless the submission says otherwise. 255 octets of UTF-8 at most.",
        example: "invoice.pdf",
      }),
    }),
    raw: anyMedia,
  },
  responses: {
    201: { description: "The upload.", content: { "application/json": { schema: upload } } },
  },
  maxBody: "message",
});

export function createUpload(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId } = c.req.valid("param");
    const contentType = c.req.header("content-type") ?? null;
    requireAttachable(contentType);
    if (!hasBody(c.req.raw)) throw emptyUpload();
    const created = await run(c.var.caller, accountId, {
      filename: c.req.valid("query").filename,
      contentType,
      read: (limit) => bodyBytes(c.req.raw, limit),
    });
    return c.json(created, 201);
  });
}
