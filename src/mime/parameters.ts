import { decodeCharset, isCharset } from "./charset.ts";
import { decodeWords, printable } from "./encoded-words.ts";

/** A parameter as it stands: its name in lower case, and its value without quotes. */
export type Parameter = [name: string, value: string];

/** Parameters of one field; more are no mail. */
const maxParameters = 1000;

/**
 * A MIME field's value and its parameters as they stand (RFC 2045 §5.1), comments left out. Reads what senders really
 * write: unquoted names with spaces and brackets, backslashes of DOS paths, quotes that never close, missing semicolons.
 */
export function splitParameters(field: string): { value: string; parameters: Parameter[] } {
  const [value, rest] = cut(field, /[;\s(]/);
  const parameters: Parameter[] = [];
  const scan: Scan = { text: rest, at: 0, hasComments: true };
  while (parameters.length < maxParameters) {
    const parameter = nextParameter(scan);
    if (parameter === null) break;
    parameters.push(parameter);
  }
  return { value: value.toLowerCase(), parameters };
}

/** `hasComments` until one opens that never closes: looking for the end of each of many such would take for ever. */
type Scan = { text: string; at: number; hasComments: boolean };

function cut(text: string, at: RegExp): [string, string] {
  const trimmed = withoutComments(text.trimStart());
  const found = trimmed.search(at);
  return found < 0 ? [trimmed, ""] : [trimmed.slice(0, found), trimmed.slice(found)];
}

/** Where comments may stand before the value. */
function withoutComments(text: string): string {
  return text.startsWith("(") ? text.slice(Math.max(1, commentEnd(text, 0))).trimStart() : text;
}

const skipped = /[;\s]+/y;
const nameAndEquals = /([^\s=;"()]+)\s*=\s*/y;
const junk = /[^;\s(]+/y;
const quoted = /"((?:[^"\\]|\\[^])*)("|$)/y;
const bare = /[^;]*/y;
const token = /[^;\s]*/y;

function nextParameter(scan: Scan): Parameter | null {
  while (scan.at < scan.text.length) {
    if (take(scan, skipped)) continue;
    if (scan.hasComments && scan.text[scan.at] === "(") {
      const end = commentEnd(scan.text, scan.at);
      scan.hasComments = end > scan.at;
      scan.at = Math.max(end, scan.at + 1);
      continue;
    }
    const match = take(scan, nameAndEquals);
    if (match) {
      const name = (match[1] ?? "").toLowerCase();
      return [name, readValue(scan, isName(name))];
    }
    if (!take(scan, junk)) scan.at++;
  }
  return null;
}

function take(scan: Scan, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = scan.at;
  const match = pattern.exec(scan.text);
  if (match === null || match[0] === "") return null;
  scan.at = pattern.lastIndex;
  return match;
}

/** A file name's backslash escapes only what has to be escaped: others are of a DOS path. */
function readValue(scan: Scan, isFileName: boolean): string {
  const match = take(scan, quoted);
  if (match) return (match[1] ?? "").replace(isFileName ? /\\(["\\])/g : /\\([^])/g, "$1");
  return (take(scan, isFileName ? bare : token)?.[0] ?? "").trim();
}

function isName(name: string): boolean {
  return /^(file)?name$/.test(name);
}

/** Behind the comment that opens at `start` (RFC 5322 §3.2.2: they nest), or -1 where it never closes before a parameter. */
function commentEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "(") depth++;
    else if (text[at] === ")" && --depth === 0) return at + 1;
  }
  return text.indexOf(";", start) < 0 ? text.length : -1;
}

type Segment = { index: number; isEncoded: boolean; value: string };

/**
 * Parameters with their values decoded: RFC 2231's continuations joined and its charsets undone, and RFC 2047's words,
 * which are no part of the standard but of most mail. Of a name that stands twice the first counts, and RFC 2231's form
 * before the plain one.
 */
export function decodeParameters(parameters: Parameter[]): Record<string, string> {
  const decoded = new Map<string, string>();
  const segments = new Map<string, Segment[]>();
  for (const [name, value] of parameters) {
    const match = /^([^*]+)\*(?:(\d{1,4})(\*?))?$/.exec(name);
    if (match === null) {
      if (!decoded.has(name)) decoded.set(name, decodePlain(name, value));
      continue;
    }
    const key = match[1] ?? "";
    const segment = { index: Number(match[2] ?? 0), isEncoded: match[2] === undefined || match[3] === "*", value };
    const list = segments.get(key);
    if (list) list.push(segment);
    else segments.set(key, [segment]);
  }
  for (const [name, list] of segments) decoded.set(name, joined(list));
  return Object.fromEntries(decoded);
}

/** Some senders put RFC 2231's form into the plain parameter. */
function decodePlain(name: string, value: string): string {
  const match = isName(name) ? /^([\w.:+-]+)'[\w-]*'([^']*%[0-9a-f]{2}.*)$/i.exec(value) : null;
  if (match && isCharset(match[1] ?? "")) return fromPercent([{ index: 0, isEncoded: true, value }]);
  return decodeWords(value);
}

function joined(list: Segment[]): string {
  const ordered = list
    .toSorted((a, b) => a.index - b.index)
    .filter(({ index }, position, all) => position === 0 || all[position - 1]?.index !== index);
  if (ordered.some(({ isEncoded }) => isEncoded)) return fromPercent(ordered);
  return decodeWords(ordered.map(({ value }) => value).join(""));
}

/** RFC 2231 §4: the charset stands before the first segment; a segment that is not encoded holds its characters. */
function fromPercent(segments: Segment[]): string {
  const first = segments[0]?.isEncoded ? /^([^']*)'[^']*'/.exec(segments[0].value) : null;
  const charset = first?.[1] || null;
  const octets = segments.map(({ isEncoded, value }, position) => {
    const text = position === 0 && first ? value.slice(first[0].length) : value;
    return isEncoded ? unescaped(text.replace(/^"(.*)"$/, "$1")) : Buffer.from(text);
  });
  return printable(decodeCharset(Buffer.concat(octets), charset).text);
}

/** A `%` that begins no escape stays. */
function unescaped(text: string): Buffer {
  const parts = text.split(/((?:%[0-9a-f]{2})+)/i);
  return Buffer.concat(
    parts.map((part, index) => (index % 2 === 1 ? Buffer.from(part.replaceAll("%", ""), "hex") : Buffer.from(part))),
  );
}
