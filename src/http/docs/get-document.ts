import { z } from "@hono/zod-openapi";
import { createHash } from "node:crypto";
import { contract } from "../contract.ts";
import { buildDocument } from "../document.ts";
import type { Front } from "../env.ts";
import { matches } from "../etag.ts";

const route = contract({
  operationId: "openapi.get",
  method: "get",
  path: "/openapi.json",
  scope: "none",
  tag: "Operations",
  summary: "This description, as OpenAPI 3.1",
  description: "Feed it to a client generator, or look at it readable under `/docs`.",
  request: {},
  responses: {
    200: {
      description: "The OpenAPI document.",
      headers: { ETag: { description: "For If-None-Match.", schema: { type: "string" } } },
      content: { "application/json": { schema: z.looseObject({ openapi: z.string().openapi({ example: "3.1.0" }) }) } },
    },
    304: { description: "It is the one that you have (If-None-Match)." },
  },
});

/** Built at the first request, when all routes stand, and kept. */
export function getDocument(app: Front): void {
  let built: { text: string; etag: string } | undefined;
  app.openapi(route, (c) => {
    if (built === undefined) {
      const text = JSON.stringify(buildDocument(app, c.var.front.config.publicUrl));
      built = { text, etag: `"${createHash("sha256").update(text).digest("base64url").slice(0, 27)}"` };
    }
    const headers = { ETag: built.etag, "Cache-Control": "no-cache" };
    if (matches(c.req.header("if-none-match"), built.etag)) return c.body(null, 304, headers);
    return c.body(built.text, 200, { ...headers, "Content-Type": "application/json" });
  });
}
