import { type CharsetWarning, decodeCharset } from "./charset.ts";

/** Told what was guessed or broken in a header's text. */
export type Warn = (warning: CharsetWarning) => void;

type Word = { charset: string; isB: boolean; text: string; start: number; end: number };

const opening = /=\?["']?([\w.:+-]+)["']?(?:\*[\w-]*)?\?([bq])\?/gi;

/**
 * A header's text with its encoded-words decoded (RFC 2047, with the languages of RFC 2231 §5), wherever they stand and
 * whatever white space they hold. White space between two words goes; a character whose octets were split between words
 * of one charset is joined. A word that does not end stays as it is. Line breaks and controls become spaces. Takes time in
 * proportion to the length.
 */
export function decodeWords(value: string, warn: Warn = () => {}): string {
  let text = "";
  let at = 0;
  let run: Word[] = [];
  const flush = () => {
    const [first] = run;
    if (first === undefined) return;
    const { text: decoded, warnings } = decodeCharset(octetsOf(run), first.charset);
    warnings.forEach(warn);
    text += decoded;
    run = [];
  };
  for (const word of words(value)) {
    const between = value.slice(at, word.start);
    const previous = run.at(-1);
    const isAdjacent = at > 0 && /^\s*$/.test(between);
    if (!isAdjacent || previous?.charset !== word.charset) flush();
    if (!isAdjacent) text += between;
    run.push(word);
    at = word.end;
  }
  flush();
  return printable(text + value.slice(at));
}

/** The octets of adjacent words; where B was cut in the middle of four characters, they are joined first. */
function octetsOf(run: Word[]): Buffer {
  const pieces: Buffer[] = [];
  let pending = "";
  for (const { isB, text } of run) {
    const base64 = isB ? text.replace(/[^A-Za-z0-9+/=]+/g, "") : "";
    const isCut = isB && (pending.length % 4 === 1 || (pending.length + base64.length) % 4 === 0);
    if (!isCut) {
      pieces.push(fromB(pending));
      pending = "";
    }
    if (isB) pending += base64;
    else pieces.push(fromQ(text));
  }
  return Buffer.concat([...pieces, fromB(pending)]);
}

/**
 * Raw 8-bit octets inside encoded-words, which RFC 2047 §2 forbids, in the words' own Q or left out of their B; so that what
 * is left of them in a value stands outside of words.
 *
 * @param value one character per octet
 */
export function closeWords(value: string): string {
  let closed = "";
  let at = 0;
  for (const { isB, start, end } of words(value)) {
    const word = value.slice(start, end);
    closed += value.slice(at, start) + word.replace(/[\x80-\xff]/g, (octet) => (isB ? "" : escaped(octet)));
    at = end;
  }
  return closed + value.slice(at);
}

/** Escapes what some senders leave bare inside a word of Q (RFC 2047 §5 (3) forbids it): `=?utf-8?Q?Doe,_J?= <j@x.y>`. */
export function closeSpecials(value: string): string {
  let closed = "";
  let at = 0;
  for (const { isB, text, end } of words(value)) {
    const special = text.replace(/[",:;<>()@[\]\\]/g, (character) => (isB ? "" : escaped(character)));
    closed += `${value.slice(at, end - 2 - text.length)}${special}?=`;
    at = end;
  }
  return closed + value.slice(at);
}

function escaped(character: string): string {
  return `=${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Words of one field; what follows them is no mail. */
const maxWords = 5000;

/** The encoded-words of a value; the text of one ends at the first `?=`, and holds no other's beginning. */
function* words(value: string): Generator<Word> {
  const pattern = new RegExp(opening);
  let count = 0;
  for (let match = pattern.exec(value); match !== null && count < maxWords; match = pattern.exec(value)) {
    const textStart = pattern.lastIndex;
    const next = value.indexOf("=?", textStart);
    const end = value.slice(textStart, next < 0 ? undefined : next + 3).indexOf("?=");
    if (end < 0) continue;
    const text = value.slice(textStart, textStart + end);
    pattern.lastIndex = textStart + end + 2;
    count++;
    yield {
      charset: (match[1] ?? "").toLowerCase(),
      isB: match[2]?.toLowerCase() === "b",
      text,
      start: match.index,
      end: pattern.lastIndex,
    };
  }
}

/** RFC 2047 §4.1; padding may be missing, or stand between words that were joined. */
function fromB(base64: string): Buffer {
  return Buffer.concat(base64.split(/=+/).map((block) => Buffer.from(block, "base64")));
}

/** RFC 2047 §4.2; a `=` that begins no escape stays, as do characters that should have been escaped. */
function fromQ(text: string): Buffer {
  const parts = text.replaceAll("_", " ").split(/((?:=[0-9a-f]{2})+)/i);
  return Buffer.concat(
    parts.map((part, index) =>
      Buffer.from(index % 2 === 1 ? part.replaceAll("=", "") : part, index % 2 === 1 ? "hex" : "utf8"),
    ),
  );
}

/** Control characters, line breaks among them, become spaces. */
export function printable(value: string): string {
  // oxlint-disable-next-line no-control-regex
  return value.replace(/[\0-\x1f\x7f]+/g, " ").trim();
}
