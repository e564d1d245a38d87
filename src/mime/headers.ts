import libmime from "libmime";
import { decodeCharset } from "./charset.ts";

export type Header = { name: string; value: string };

/** What is read of a header block: octets, and fields. The rest is left out. */
const maxOctets = 2 * 1024 * 1024;
const maxFields = 1000;

/** The fields of a raw header block in their order, unfolded and decoded (RFC 2047), for people to read. Never fails. */
export function parseHeaders(block: Uint8Array): Header[] {
  return rawHeaders(block).map(({ name, value }) => ({ name, value: decodeWords(value) }));
}

/**
 * The fields unfolded but with their encoded-words as they stand: what addresses and parameters are parsed from, because a
 * decoded word may hold a comma, a quote or a bracket. Reads up to the first empty line (RFC 5322 §2.1); a line that is
 * neither a field nor a continuation is skipped.
 */
export function rawHeaders(block: Uint8Array): Header[] {
  const fields: string[][] = [];
  const text = Buffer.from(block.buffer, block.byteOffset, Math.min(block.byteLength, maxOctets)).toString("latin1");
  for (const line of lines(text)) {
    if (line === "") break;
    if (line.startsWith(" ") || line.startsWith("\t")) fields.at(-1)?.push(line.slice(1));
    else if (fields.length === maxFields) break;
    else fields.push([line]);
  }
  return fields.flatMap((folded) => field(folded.join(" ")) ?? []);
}

/** RFC 2047 words decoded, adjacent ones joined; control characters in the result become spaces. */
export function decodeWords(value: string): string {
  return printable(libmime.decodeWords(value));
}

/** The first value of a field by its name in any case, or null. */
export function headerValue(headers: Header[], name: string): string | null {
  return headers.find((header) => header.name.toLowerCase() === name)?.value ?? null;
}

/** The message ids of References (RFC 5322 §3.6.4) with their angle brackets, oldest first, each once. */
export function references(headers: Header[]): string[] {
  const values = headers.filter(({ name }) => name.toLowerCase() === "references").map(({ value }) => value);
  return [...new Set(values.flatMap(messageIds))];
}

/** The Message-ID with its angle brackets, or null where it is missing or not in brackets. */
export function messageIdOf(headers: Header[]): string | null {
  return messageIds(headerValue(headers, "message-id") ?? "")[0] ?? null;
}

/** Every `<…>` of a value; white space that folding left inside an id goes. */
function messageIds(value: string): string[] {
  return (value.match(/<[^<>]+>/g) ?? []).map((id) => id.replace(/\s+/g, "")).filter((id) => id.length > 2);
}

function* lines(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const found = text.indexOf("\n", start);
    const end = found < 0 ? text.length : found;
    yield text.slice(start, text[end - 1] === "\r" ? end - 1 : end);
    start = end + 1;
  }
}

function field(line: string): Header | null {
  const match = /^([!-9;-~]+)[ \t]*:/.exec(line);
  if (!match) return null;
  return { name: match[1] ?? "", value: printable(fromOctets(line.slice(match[0].length))) };
}

/** Raw 8-bit octets are UTF-8 (RFC 6532), or else what old senders meant by them. */
function fromOctets(latin1: string): string {
  // oxlint-disable-next-line no-control-regex
  return /^[\0-\x7f]*$/.test(latin1) ? latin1 : decodeCharset(Buffer.from(latin1, "latin1"), null).text;
}

/** Control characters, line breaks among them, become spaces. */
export function printable(value: string): string {
  // oxlint-disable-next-line no-control-regex
  return value.replace(/[\0-\x1f\x7f]+/g, " ").trim();
}
