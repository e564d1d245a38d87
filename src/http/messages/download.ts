import { Failure } from "../../errors.ts";
import type { ByteRange } from "../../mail/mailbox.ts";
import type { OctetsAsked } from "../../mail/range.ts";
import type { OctetStream } from "../../operations/lent-stream.ts";
import { attachmentDisposition } from "../content-disposition.ts";
import { matches, passes } from "../etag.ts";
import { parseRange } from "../range.ts";
import { foreignContent, streamed, type Call } from "../stream.ts";

type Request = Call & { readonly req: { header(name: string): string | undefined } };

/** What comes of the request's conditions, once it is known that the content is there. */
type Verdict = "send" | "not-modified" | "failed";

export type Asked = { octets: OctetsAsked; verdict: Verdict; etag: string };

/**
 * What a GET or HEAD asks of content that never changes under its tag: conditions before ranges (RFC 9110 §13.2.2), and no
 * ranges for HEAD (§14.2). Conditions by date are for content with a Last-Modified, which this has not.
 */
export function askedOf(c: Request, etag: string): Asked {
  const { req } = c;
  if (!passes(req.header("If-Match"), etag)) return { octets: "none", verdict: "failed", etag };
  if (matches(req.header("If-None-Match"), etag)) return { octets: "none", verdict: "not-modified", etag };
  if (req.method === "HEAD") return { octets: "none", verdict: "send", etag };
  const ifRange = req.header("If-Range");
  const range = ifRange === undefined || ifRange.trim() === etag ? parseRange(req.header("Range")) : undefined;
  return { octets: range ?? "all", verdict: "send", etag };
}

export type Found = {
  /** Octets of the whole; null where not known exactly. */
  size: number | null;
  /** What `stream` holds of it; null for the whole. */
  range: ByteRange | null;
  /** Null where none were asked for. */
  stream: OctetStream | null;
};

/** Answers with what was found. A stranger's content is saved, not shown. Fails `precondition-failed`. */
export async function download(
  c: Request,
  { verdict, etag }: Asked,
  { size, range, stream }: Found,
  { contentType, filename }: { contentType: string; filename: string | null },
): Promise<Response> {
  if (verdict === "failed")
    throw new Failure("precondition-failed", "This content has another entity tag than If-Match names.", {
      fix: "GET it without If-Match for its ETag.",
    });
  const headers = {
    ...foreignContent,
    ETag: etag,
    // Kept by the caller alone, and asked for again each time: the message may be gone, or the key.
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
    "Content-Disposition": attachmentDisposition(filename),
  };
  if (verdict === "not-modified") return new Response(null, { status: 304, headers });
  // Mail servers tell wrong sizes: the whole is sent without a length, and cut where the server fails.
  const told = range === null && stream !== null ? null : size;
  const cut = stream?.failed;
  return streamed(c, { contentType, headers, size: told, range, stream, ...(cut && { cut }) });
}

const header = (description: string) => ({ description, schema: { type: "string" as const } });

/** For the contract: the headers of every answer with content, and those of a part of it. */
export const contentHeaders = {
  ETag: header("Strong, and the same for as long as the message is there: for If-None-Match, If-Match and If-Range."),
  "Accept-Ranges": header("`bytes`."),
  "Content-Disposition": header("`attachment`, with a safe file name."),
};
export const rangeHeaders = {
  ...contentHeaders,
  "Content-Range": header("`bytes first-last/size`, or `*` in the place of a size that is not known."),
};
