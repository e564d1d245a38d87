import { z } from "@hono/zod-openapi";
import type { openRaw as operation } from "../../operations/open-raw.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { parseRange } from "../range.ts";
import { foreignContent, streamed } from "../stream.ts";
import { attachmentDisposition } from "../content-disposition.ts";
import type { ByteRange } from "../../mail/mailbox.ts";
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
    "Octet for octet as stored, streamed, without a Content-Length, because servers tell wrong sizes. `Range` takes one range. A connection that is cut before the end means that the " +
    "mail server failed: ask for the rest by `Range`.",
  request: { params: messageParams, query: z.strictObject(copyQuery) },
  responses: {
    200: { description: "The message.", content: octets },
    206: { description: "The range asked for.", content: octets },
  },
  errors: [...messageErrors, "range-not-satisfiable"],
});

export function downloadRaw(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId } = c.req.valid("param");
    const { folder = null } = c.req.valid("query");
    let range: ByteRange | undefined;
    const { size, stream } = await run(c.var.caller, accountId, {
      id: messageId,
      folder,
      rangeOf: (total) => (range = parseRange(c.req.header("Range"), total)),
    });
    return streamed(c, {
      contentType: "message/rfc822",
      stream,
      // Servers tell wrong sizes: the whole is sent without a length, and cut where the server fails.
      size: range === undefined ? null : size,
      range,
      headers: {
        ...foreignContent,
        "Accept-Ranges": "bytes",
        "Content-Disposition": attachmentDisposition(`${messageId.slice(0, 24)}.eml`),
      },
    });
  });
}
