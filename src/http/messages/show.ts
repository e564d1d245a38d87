import { z } from "@hono/zod-openapi";
import { Failure } from "../../errors.ts";
import { integerQuery } from "../schemas.ts";
import { matches, passes } from "../etag.ts";
import { copyQuery } from "./schema.ts";

/** UTF-16 units that a message's text has at most, and more. */
const maxFrom = 100_000_000;

/** What both …/html and …/text take. */
export const showQuery = {
  ...copyQuery,
  reply: z.enum(["only"]).optional().openapi({
    description: "`only`: without what is quoted, and without signatures, as far as they can be told.",
  }),
  from: integerQuery(0, maxFrom).default(0).openapi({
    type: "integer",
    minimum: 0,
    maximum: maxFrom,
    default: 0,
    description: "Where the page begins: as the Link of the page before has it.",
  }),
};

const header = (description: string) => ({ description, schema: { type: "string" as const } });

/** For the contract: what is told beside each page. */
export const showHeaders = {
  ETag: header("Strong, and the same for as long as the message is there: for If-None-Match."),
  Link: header('`<…>; rel="next"`, where a page follows (RFC 8288).'),
  "Message-Warnings": header(
    "What was wrong with the message's text, as its `warnings` say: `body-truncated` (more than 4 MiB of a part, or than is " +
      "read of such HTML: what is behind is on no page), `charset-unknown`, `encoding-broken`.",
  ),
};

type Request = {
  readonly req: { readonly method: string; readonly url: string; header(name: string): string | undefined };
};

/** What comes of a request for content that never changes under its tag: "whether" asks only if the message is there. */
export type ShowVerdict = "send" | "whether" | "not-modified";

/** Fails `precondition-failed`. */
export function verdictOf({ req }: Request, etag: string): ShowVerdict {
  if (!passes(req.header("If-Match"), etag))
    throw new Failure("precondition-failed", "This content has another entity tag than If-Match names.", {
      fix: "GET it without If-Match for its ETag.",
    });
  if (matches(req.header("If-None-Match"), etag)) return "not-modified";
  return req.method === "HEAD" ? "whether" : "send";
}

/** The headers that tell what a page is, besides its own. */
export function pageHeaders(
  { req }: Request,
  etag: string,
  shown: { next: number | null; warnings: string[] } | null,
): Record<string, string> {
  const headers: Record<string, string> = {
    ETag: etag,
    // Kept by the caller alone, and asked for again each time: the message may be gone, or the key.
    "Cache-Control": "private, no-cache",
  };
  if (shown === null) return headers;
  if (shown.next !== null) {
    const url = new URL(req.url);
    url.searchParams.set("from", String(shown.next));
    headers["Link"] = `<${url.pathname}${url.search}>; rel="next"`;
  }
  if (shown.warnings.length > 0) headers["Message-Warnings"] = shown.warnings.join(", ");
  return headers;
}
