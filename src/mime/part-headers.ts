import type { Part } from "../mail/part.ts";
import { type Header, headerValue } from "./headers.ts";
import { decodeParameters, type Parameter, splitParameters } from "./parameters.ts";

/** What a part's own header block says of it. */
export type PartHeaders = Pick<
  Part,
  "contentType" | "parameters" | "disposition" | "filename" | "contentId" | "encoding"
>;

/**
 * The MIME fields of a part, with defaults for what is missing or malformed (RFC 2045 §5.2).
 *
 * @param headers with encoded-words as they stand (`rawHeaders`)
 * @param defaultType what a part without a Content-Type is: message/rfc822 in a multipart/digest (RFC 2046 §5.1.5)
 */
export function partHeaders(headers: Header[], defaultType: string): PartHeaders {
  const type = splitParameters(headerValue(headers, "content-type") ?? "");
  const disposition = splitParameters(headerValue(headers, "content-disposition") ?? "");
  return partFacts({
    contentType: type.value === "" && type.parameters.length === 0 ? defaultType : type.value,
    parameters: type.parameters,
    disposition: disposition.value,
    dispositionParameters: disposition.parameters,
    contentId: headerValue(headers, "content-id"),
    encoding: headerValue(headers, "content-transfer-encoding"),
  });
}

/** The fields as they stand, whoever has split them: we, or a server for its BODYSTRUCTURE. */
export type PartFields = {
  contentType: string;
  parameters: Parameter[];
  disposition: string | null;
  dispositionParameters: Parameter[];
  contentId: string | null;
  encoding: string | null;
};

/** The same facts of a part on every protocol. */
export function partFacts(fields: PartFields): PartHeaders {
  const parameters = decodeParameters(fields.parameters);
  const { filename } = decodeParameters(fields.dispositionParameters);
  const contentType = fields.contentType.toLowerCase();
  return {
    contentType: /^[^\s/;"]+\/[^\s/;"]+$/.test(contentType) ? contentType : "text/plain",
    parameters,
    disposition: fields.disposition?.trim().toLowerCase() || null,
    filename: safeName(filename ?? "") ?? safeName(parameters["name"] ?? ""),
    contentId:
      fields.contentId
        ?.trim()
        .replace(/^<(.*)>$/, "$1")
        .trim() || null,
    encoding: /[\w-]+/.exec(fields.encoding ?? "")?.[0].toLowerCase() ?? "7bit",
  };
}

/**
 * A file name without what may deceive: of a path the last component counts (RFC 2183 §2.3), and characters that turn the
 * direction of writing, and so the extension, go. Null where nothing is left.
 */
function safeName(name: string): string | null {
  const last = name.split(/[/\\]/).findLast((component) => component.trim() !== "") ?? "";
  const shown = last.replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "").trim();
  return /^\.*$/.test(shown) ? null : shown;
}
