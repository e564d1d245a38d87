import { invalid } from "../errors.ts";

/** Fails `validation-failed` for what is no section path of a part (RFC 9051 §6.4.5.1). */
export function assertSection(section: string): void {
  if (/^[1-9]\d{0,4}(\.[1-9]\d{0,4}){0,99}$/.test(section)) return;
  throw invalid("/attachmentId", "invalid-section", "A section path is numbers with dots between.");
}

/** What is known of a part before its octets were read. `encodedSize` is null where the protocol tells it only at their end. */
export type PartFacts = Omit<Part, "children" | "encodedSize"> & { encodedSize: number | null };

/** One node of a message's MIME tree, from a BODYSTRUCTURE or from parsing the raw message: the same on every protocol. */
export type Part = {
  /** IMAP section path (RFC 9051 §6.4.5.1): "" for a multipart root, "1", "2.1"; a single-part message's body is "1". */
  section: string;
  /** Lower case, "type/subtype". */
  contentType: string;
  /** Lower-case names, decoded values (RFC 2231). */
  parameters: Record<string, string>;
  /** Lower case: "attachment", "inline", or null where the header is missing. */
  disposition: string | null;
  /** Decoded file name from Content-Disposition or the `name` parameter; null where there is none. */
  filename: string | null;
  /** Without the angle brackets. */
  contentId: string | null;
  /** Content-Transfer-Encoding, lower case; "7bit" by default. */
  encoding: string;
  /** Octets in the encoded form; 0 for a multipart. */
  encodedSize: number;
  /** Child parts of a multipart, or the one nested body of a message/rfc822. */
  children: Part[];
};
