import { z } from "@hono/zod-openapi";
import { htmlPolicy } from "../../mime/sanitize-html.ts";
import type { getHtml as operation } from "../../operations/get-html.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { tagOf } from "../etag.ts";
import { messageErrors, messageParams } from "./schema.ts";
import { pageHeaders, showHeaders, showQuery, verdictOf } from "./show.ts";

/**
 * Before what the message says: what tells a browser how to read it, that there is no icon to ask for, and not to look up the names of the
 * hosts that are linked to, which may be made for one reader; no policy forbids that.
 */
const head = [
  '<!doctype html>\n<meta charset="utf-8">\n<link rel="icon" href="data:,">\n',
  '<meta http-equiv="x-dns-prefetch-control" content="off">\n',
].join("");

const route = contract({
  operationId: "messages.html",
  method: "get",
  path: "/v1/accounts/{accountId}/messages/{messageId}/html",
  scope: "messages:read",
  tag: "Messages",
  summary: "Read a message as HTML that is safe to show",
  description:
    "Sanitised by an allow-list: no script, form, frame or style sheet, and nothing is loaded from elsewhere unless `remote=allow`. " +
    "Of a message without HTML, its text. Show it on a page or in a frame of its own, with the Content-Security-Policy of this answer. " +
    "Images that the message brings along and refers to by `cid:` are in it as data: URLs: PNG, JPEG, GIF, WebP and AVIF, 1 MiB each, 50 " +
    "different ones, 5 MiB of all that are shown; others are left out. What is longer than 1 MiB comes in pages: follow the Link.",
  request: {
    params: messageParams,
    query: z.strictObject({
      ...showQuery,
      remote: z.enum(["block", "allow"]).default("block").openapi({
        description: "`allow`: images are loaded from elsewhere, which tells their owner who reads, when and where.",
      }),
      images: z.enum(["embed", "omit"]).default("embed").openapi({
        description: "`omit`: without the images that the message brings along.",
      }),
    }),
  },
  responses: {
    200: {
      description: "The page.",
      headers: {
        ...showHeaders,
        "Content-Security-Policy": { description: "For the page that shows it.", schema: { type: "string" } },
        "Remote-Images-Blocked": {
          description: "How many references to images elsewhere the whole message has, that `remote=allow` would load.",
          schema: { type: "integer" },
        },
      },
      content: { "text/html": { schema: z.string() } },
    },
    304: { description: "It is the one that you have (If-None-Match).", headers: { ETag: showHeaders.ETag } },
  },
  errors: [...messageErrors, "precondition-failed"],
});

export function getHtml(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { accountId, messageId } = c.req.valid("param");
    const { folder = null, reply, from, remote, images } = c.req.valid("query");
    const etag = tagOf(messageId, "html", remote, images, reply ?? "", String(from));
    const verdict = verdictOf(c, etag);
    const shown = await run(c.var.caller, accountId, {
      id: messageId,
      folder,
      signal: c.req.raw.signal,
      from,
      remote,
      images,
      isReplyOnly: reply === "only",
      onlyWhether: verdict !== "send",
    });
    const policy = { "Content-Security-Policy": htmlPolicy(remote) };
    const headers = { ...pageHeaders(c, etag, shown), ...policy };
    if (verdict === "not-modified") return c.body(null, 304, headers);
    return c.body(shown === null ? "" : head + shown.page, 200, {
      ...headers,
      "Content-Type": "text/html; charset=utf-8",
      ...(shown !== null && { "Remote-Images-Blocked": String(shown.remoteBlocked) }),
    });
  });
}
