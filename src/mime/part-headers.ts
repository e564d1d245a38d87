import libmime from "libmime";
import type { Part } from "../mail/part.ts";
import { decodeWords, type Header, headerValue, printable } from "./headers.ts";

/** What a part's own header block says of it. */
type PartHeaders = Pick<Part, "contentType" | "parameters" | "disposition" | "filename" | "contentId" | "encoding">;

/**
 * The MIME fields of a part, with defaults for what is missing or malformed (RFC 2045 §5.2).
 *
 * @param headers with encoded-words as they stand (`rawHeaders`)
 * @param defaultType what a part without a Content-Type is: message/rfc822 in a multipart/digest (RFC 2046 §5.1.5)
 */
export function partHeaders(headers: Header[], defaultType: string): PartHeaders {
  const type = parameterized(headerValue(headers, "content-type"));
  const disposition = parameterized(headerValue(headers, "content-disposition"));
  const isType = /^[^\s/;"]+\/[^\s/;"]+$/.test(type.value);
  return {
    contentType: isType ? type.value : type.value === "" ? defaultType : "text/plain",
    parameters: type.parameters,
    disposition: disposition.value || null,
    filename: disposition.parameters["filename"] || type.parameters["name"] || null,
    contentId: headerValue(headers, "content-id")?.replace(/^<(.*)>$/, "$1") || null,
    encoding: parameterized(headerValue(headers, "content-transfer-encoding")).value || "7bit",
  };
}

/** A value in lower case and its parameters, decoded by RFC 2231 or, as many senders write them, RFC 2047. */
function parameterized(header: string | null): { value: string; parameters: Record<string, string> } {
  const { value, params, decodedParams } = libmime.parseHeaderValue(header ?? "", { stripComments: true });
  const decoded = Object.entries(params).map(([name, text]) => [
    name.toLowerCase(),
    decodedParams.includes(name) ? printable(text) : decodeWords(text),
  ]);
  return { value: value.trim().toLowerCase(), parameters: Object.fromEntries(decoded) };
}
