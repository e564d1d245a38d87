import type { Part } from "../mail/part.ts";
import { decodeText } from "./decode-body.ts";
import { decodeTransfer } from "./decode-transfer.ts";
import { htmlToText } from "./html-to-text.ts";
import { replyOnly } from "./reply-only.ts";
import { singleLine } from "./single-line.ts";

/** Encoded octets of a text part that `preview` is made from at most. */
export const maxPreviewOctets = 2048;
const maxPreview = 200;

/**
 * The beginning of what a message says, on one line, 200 UTF-16 units at most, from the first 2 kB of its text part, wherever these are
 * cut. Of HTML, text that is hidden counts too: that is what senders hide a preheader for. Quotes are left out, as far as anything else is
 * there; so are the invisible characters that preheaders are filled up with. "" where there is nothing to say so early, as in HTML that begins with a long
 * style sheet: text/plain is the better part, if there is one. Never fails.
 *
 * @param bytes the part's first octets as they are encoded; more than 2 kB are not looked at
 * @param isCut whether the part goes on behind them
 */
export async function preview(part: Part, bytes: Uint8Array, isCut: boolean): Promise<string> {
  const hasMore = isCut || bytes.length > maxPreviewOctets;
  const encoded = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, maxPreviewOctets));
  const pieces: Uint8Array[] = [];
  for await (const piece of decodeTransfer(part.encoding, one(hasMore ? withoutCutEscape(part, encoded) : encoded)))
    pieces.push(piece);
  const octets = Buffer.concat(pieces);
  const { text } = await decodeText(
    { ...part, encoding: "8bit" },
    hasMore ? octets.subarray(0, wholeCharacters(part, octets)) : octets,
  );
  const known = hasMore ? text.replace(/\ufffd{1,4}$/, "") : text;
  const plain =
    part.contentType === "text/html"
      ? htmlToText(withoutCutMarkup(known, hasMore), { withHidden: true, withUrls: false }).text
      : known;
  return singleLine(withoutFillers(replyOnly(plain)), maxPreview);
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** RFC 2045 §6.7: `=` and two digits. */
function withoutCutEscape({ encoding }: Part, encoded: Buffer): Buffer {
  if (encoding !== "quoted-printable") return encoded;
  const equals = encoded.lastIndexOf("=");
  return equals >= 0 && equals >= encoded.length - 2 ? encoded.subarray(0, equals) : encoded;
}

/**
 * How many octets make whole characters in UTF-8 (RFC 3629 §3), which what is unlabelled can be told by only then, or in units of UTF-16 or
 * UTF-32. In other charsets the last character may be lost, and a half one becomes U+FFFD.
 */
function wholeCharacters({ parameters }: Part, octets: Buffer): number {
  const charset = parameters["charset"] ?? "";
  if (/^"?(?:utf-?16|utf-?32|ucs)/i.test(charset)) return octets.length - (octets.length % 4);
  for (let back = 1; back <= Math.min(3, octets.length); back++) {
    const octet = octets[octets.length - back] ?? 0;
    if (octet < 0x80) break;
    if (octet < 0xc0) continue;
    const length = octet >= 0xf0 ? 4 : octet >= 0xe0 ? 3 : 2;
    return length > back ? octets.length - back : octets.length;
  }
  return octets.length;
}

/** A reference or a tag that is cut looks like text to the parser. */
function withoutCutMarkup(html: string, hasMore: boolean): string {
  return hasMore ? html.replace(/(?:&[#\w]{0,31}|<[^<>]*)$/, "") : html;
}

/** Characters that show nothing. Alone, inside a word, some of them mean something (Persian, emoji). */
function withoutFillers(text: string): string {
  return text
    .replace(/(?:[\s\u00ad\u061c\u115f\u180e\u2000-\u200f\u2028-\u202f\u2060-\u2064\u3164\ufeff]|\u034f){2,}/g, " ")
    .replace(/\u00ad|\ufeff/g, "");
}
