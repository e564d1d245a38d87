import libmime from "libmime";
import type { Part } from "../mail/part.ts";
import { type CharsetWarning, decodeCharset } from "./charset.ts";
import { decodeTransfer } from "./decode-transfer.ts";

/**
 * A text part's octets as text: transfer encoding, charset and, where the part says so, format=flowed (RFC 3676) undone.
 * Line ends become LF. Never fails: `charset-unknown` says that the text was guessed, `encoding-broken` that it holds U+FFFD.
 *
 * @param bytes the part's encoded octets
 */
export async function decodeText(part: Part, bytes: Uint8Array): Promise<{ text: string; warnings: CharsetWarning[] }> {
  const decoded: Uint8Array[] = [];
  for await (const chunk of decodeTransfer(part.encoding, one(bytes))) decoded.push(chunk);
  const octets = Buffer.concat(decoded);
  const charset = part.parameters["charset"] ?? (part.contentType === "text/html" ? charsetInHtml(octets) : null);
  const { text, warnings } = decodeCharset(octets, charset);
  const lines = text.replace(/\r\n?/g, "\n");
  return { text: isFlowed(part) ? unfold(part, lines) : lines, warnings };
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** What a page without a charset parameter says of itself in its first 1,024 octets. */
function charsetInHtml(octets: Buffer): string | null {
  const start = octets.toString("latin1", 0, 1024);
  return /<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w.:-]+)/i.exec(start)?.[1] ?? null;
}

function isFlowed(part: Part): boolean {
  return part.contentType === "text/plain" && part.parameters["format"]?.trim().toLowerCase() === "flowed";
}

function unfold(part: Part, lines: string): string {
  return libmime.decodeFlowed(lines, part.parameters["delsp"]?.trim().toLowerCase() === "yes");
}
