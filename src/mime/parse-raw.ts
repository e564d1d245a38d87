import type { Part } from "../mail/part.ts";
import { scanMessage } from "./scan-message.ts";

/** A message's MIME tree, and the octets of each part that is no multipart, as they are encoded. */
export type ParsedRaw = { structure: Part; bodyOf: (part: Part) => Uint8Array | null };

/**
 * The MIME tree of a raw message (RFC 2046) with the sections that IMAP gives it: what BODYSTRUCTURE says, for servers that
 * say none. Sizes are octets of `raw`, so with bare LF line ends they are less than IMAP's. Never fails: what is broken is
 * read as far as it goes. One pass over the octets, whatever the nesting.
 */
export function parseStructure(raw: Uint8Array): Part {
  return parseRaw(raw).structure;
}

/** The same, with views of `raw` for the parts' bodies. */
export function parseRaw(raw: Uint8Array): ParsedRaw {
  const bodies = new Map<Part, Uint8Array>();
  const scan = scanMessage({ end: (part, at) => bodies.set(part, raw.subarray(at - part.encodedSize, at)) });
  scan.write(raw);
  const { structure } = scan.end();
  return { structure, bodyOf: (part) => bodies.get(part) ?? null };
}
