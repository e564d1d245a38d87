import type { Fetched } from "../mail/mailbox.ts";
import type { Part } from "../mail/part.ts";
import { type CharsetWarning, decodeCharset } from "./charset.ts";
import { decodeTransfer } from "./decode-transfer.ts";
import { isCalendar } from "./walk.ts";

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
  const charset = charsetOf(part) ?? (part.contentType === "text/html" ? charsetInHtml(octets) : null);
  const { text, warnings } = decodeCharset(octets, charset);
  // NUL is no text, and few who store text take it.
  if (text.includes("\0") && !warnings.includes("encoding-broken")) warnings.push("encoding-broken");
  const lines = text.replace(/\r\n?/g, "\n").replaceAll("\0", "\ufffd");
  return { text: isFlowed(part) ? unflow(lines, isDelSp(part)) : lines, warnings };
}

/** What the body of a message says: its text parts joined in their order, empty ones left out; null where it has none of a kind. A calendar is none. */
export async function decodeBodies(
  bodies: NonNullable<Fetched["bodies"]>,
): Promise<{ text: string | null; html: string | null; warnings: (CharsetWarning | "body-truncated")[] }> {
  const texts = { text: [] as string[], html: [] as string[] };
  const warnings = new Set<CharsetWarning | "body-truncated">();
  for (const { part, bytes, truncated } of bodies) {
    if (isCalendar(part)) continue;
    const decoded = await decodeText(part, bytes);
    decoded.warnings.forEach((warning) => warnings.add(warning));
    if (truncated) warnings.add("body-truncated");
    texts[part.contentType === "text/html" ? "html" : "text"].push(decoded.text);
  }
  const joined = (list: string[]) => (list.length === 0 ? null : list.filter((text) => text !== "").join("\n"));
  return { text: joined(texts.text), html: joined(texts.html), warnings: [...warnings] };
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** ASCII is what servers make of a charset that is not named (RFC 2045 §5.2), and tells nothing of 8-bit octets. */
function charsetOf(part: Part): string | null {
  const charset = part.parameters["charset"] ?? null;
  return charset === null || /^"?us-ascii"?$/i.test(charset.trim()) ? null : charset;
}

/** What a page without a charset parameter says of itself in its first 1,024 octets. */
function charsetInHtml(octets: Buffer): string | null {
  const start = octets.toString("latin1", 0, 1024);
  return /<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w.:-]+)/i.exec(start)?.[1] ?? null;
}

function isFlowed(part: Part): boolean {
  return part.contentType === "text/plain" && part.parameters["format"]?.trim().toLowerCase() === "flowed";
}

function isDelSp(part: Part): boolean {
  return part.parameters["delsp"]?.trim().toLowerCase() === "yes";
}

/**
 * RFC 3676 §4: a line that ends in a space goes on in the next one of the same quoting, space-stuffing goes, and a
 * signature's `-- ` stands alone. `isDelSp`: the space at the end goes too (§4.1).
 */
function unflow(lines: string, isDelSp: boolean): string {
  const paragraphs: string[] = [];
  let pieces: string[] = [];
  let depth = 0;
  let isOpen = false;
  const close = () => paragraphs.push((depth > 0 ? `${">".repeat(depth)} ` : "") + pieces.join(""));
  for (const line of lines.split("\n")) {
    const quotes = /^>*/.exec(line)?.[0].length ?? 0;
    const content = line.slice(line[quotes] === " " ? quotes + 1 : quotes);
    const isSignature = content === "-- ";
    const isFlowed = content.endsWith(" ") && !isSignature;
    if (!isOpen || quotes !== depth || isSignature) {
      if (paragraphs.length > 0 || pieces.length > 0) close();
      pieces = [];
      depth = quotes;
    }
    pieces.push(isFlowed && isDelSp ? content.slice(0, -1) : content);
    isOpen = isFlowed;
  }
  close();
  return paragraphs.join("\n");
}
