import { type CharsetWarning, decodeCharset } from "./charset.ts";
import { closeWords, decodeWords, printable, type Warn } from "./encoded-words.ts";

export type Header = { name: string; value: string };

/** What is read of a header block: octets, and fields. The rest is left out. */
export const maxHeaderOctets = 2 * 1024 * 1024;
const maxFields = 1000;

/** The fields of a raw header block in their order, unfolded and decoded (RFC 2047), for people to read. Never fails. */
export function parseHeaders(block: Uint8Array): Header[] {
  return readable(rawHeaders(block));
}

/** Fields as `rawHeaders` gives them, decoded (RFC 2047), for people to read. */
export function readable(headers: Header[]): Header[] {
  return headers.map(({ name, value }) => ({ name, value: decodeWords(value) }));
}

/**
 * The fields unfolded but with their encoded-words as they stand: what addresses and parameters are parsed from, because a
 * decoded word may hold a comma, a quote or a bracket. Reads up to the first empty line (RFC 5322 §2.1); a line that is
 * neither a field nor a continuation is skipped. Raw 8-bit text is decoded; `warn` is told where it had to be guessed.
 */
export function rawHeaders(
  block: Uint8Array,
  warn: (warning: CharsetWarning, name: string) => void = () => {},
): Header[] {
  const fields = octetFields(block);
  const hints = hintsOf(fields);
  return fields.map(({ name, value }) => {
    const hint = /^content-/i.test(name) ? hints.type : (hints.type ?? hints.word);
    return { name, value: printable(fromOctets(value, hint, (warning) => warn(warning, name.toLowerCase()))) };
  });
}

/** The fields unfolded, one character of the value per octet. */
function octetFields(block: Uint8Array): Header[] {
  const fields: string[][] = [];
  const octets = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  for (const line of lines(octets.toString("latin1", 0, maxHeaderOctets))) {
    if (line === "") break;
    if (line.startsWith(" ") || line.startsWith("\t")) fields.at(-1)?.push(line.slice(1));
    else if (fields.length === maxFields) break;
    else fields.push([line]);
  }
  return fields.flatMap((folded) => field(folded.join(" ")) ?? []);
}

/** What a header says elsewhere of the charset that its raw octets may be in: the body's, or that of the first encoded-word. */
function hintsOf(fields: Header[]): { type: string | null; word: string | null } {
  const type = fields.find(({ name }) => name.toLowerCase() === "content-type")?.value ?? "";
  const worded = fields.find(({ name, value }) => people.has(name.toLowerCase()) && value.includes("=?"))?.value ?? "";
  return {
    type: /;\s*charset\s*=\s*["']?([\w.:+-]+)/i.exec(type)?.[1] ?? null,
    word: /=\?([\w.:+-]+)(?:\*[\w-]*)?\?[bq]\?/i.exec(worded)?.[1] ?? null,
  };
}

/** Fields with text for people. */
const people = new Set(["subject", "from", "sender", "reply-to", "to", "cc", "bcc"]);

/** The text of a field's raw octets, unfolded; `hint` is the charset that 8-bit ones may be in, or null. */
export function fieldText(octets: Uint8Array, hint: string | null): string {
  const latin1 = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
  return printable(fromOctets(latin1, hint, () => {}));
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

/** Every `<…>` of a value (RFC 5322 §3.6.4); white space that folding left inside an id goes. */
export function messageIds(value: string): string[] {
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
  return { name: match[1] ?? "", value: line.slice(match[0].length) };
}

/**
 * Raw octets that should not stand in a header: 8-bit ones are UTF-8 (RFC 6532), or else what old senders meant by them,
 * as is ISO-2022-JP bare of its encoded-word.
 */
function fromOctets(latin1: string, hint: string | null, warn: Warn): string {
  const isJapanese = latin1.includes("\x1b$");
  // oxlint-disable-next-line no-control-regex
  if (!isJapanese && /^[\0-\x7f]*$/.test(latin1)) return latin1;
  const octets = Buffer.from(closeWords(latin1), "latin1");
  const unlabelled = decodeCharset(octets, isJapanese ? "iso-2022-jp" : null);
  const { text, warnings } = hint !== null && unlabelled.warnings.length > 0 ? decodeCharset(octets, hint) : unlabelled;
  warnings.forEach(warn);
  return text;
}
