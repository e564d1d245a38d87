import { TextDecoder } from "node:util";
import { createDecodeStream, decode, normalizeCharset } from "libmime/lib/charset.js";

/** `charset-unknown`: the charset was guessed. `encoding-broken`: octets that mean nothing in it became U+FFFD. */
export type CharsetWarning = "charset-unknown" | "encoding-broken";

type Decoded = { text: string; warnings: CharsetWarning[] };

/**
 * Octets as text in the charset that the message names, or null where it names none. UTF-8 that is called ASCII or Latin 1,
 * or nothing, is read as UTF-8, and what is called UTF-8 but holds none is guessed. UTF-7 counts as unknown: it smuggles
 * markup past filters. Never fails.
 */
export function decodeCharset(octets: Uint8Array, label: string | null): Decoded {
  const name = /\w[\w.:+-]*/.exec(label ?? "")?.[0] ?? null;
  if (name === null || /^(us-?)?ascii|^ansi_x3|^(7|8)-?bit$/i.test(name)) return guess(octets, []);
  if (isWide(name) && isByteOrderMarked(octets)) return decodeStandard(octets, byteOrder(octets));
  const decoder = decoderFor(name);
  if (decoder) return decodeStandard(octets, decoder);
  if (!createDecodeStream(name).supported) return guess(octets, ["charset-unknown"]);
  return decodeOther(octets, name);
}

/** Whether a charset of this name can be decoded without guessing. */
export function isCharset(name: string): boolean {
  return decoderFor(name) !== null || createDecodeStream(name).supported;
}

/** ICU, which Node's decoder is, knows too little of these: Big5 without Hong Kong's characters, EUC-KR without UHC. */
const poorlyKnown = /big-?5|cp-?950|euc-?kr|ks_?c|korean|uhc|949|iso-ir-149/i;

/** The platform's decoder (WHATWG Encoding), or null where it has none or a poor one; "utf-16" is guessed at. */
function decoderFor(name: string): TextDecoder | null {
  if (/^utf-?16$/i.test(name) || poorlyKnown.test(name)) return null;
  return [name, normalizeCharset(name)].map(tryDecoder).find((decoder) => decoder !== null) ?? null;
}

function tryDecoder(name: string): TextDecoder | null {
  try {
    return new TextDecoder(name, { fatal: true });
  } catch {
    return null;
  }
}

function decodeStandard(octets: Uint8Array, decoder: TextDecoder): Decoded {
  const { encoding } = decoder;
  const text = (encoding === "windows-1252" ? tryDecode(octets, utf8) : null) ?? tryDecode(octets, decoder);
  if (text !== null) return { text, warnings: [] };
  if (encoding === "iso-2022-jp") return decodeOther(octets, encoding);
  const broken = new TextDecoder(encoding).decode(octets);
  // Not one character of it is UTF-8, and not for being cut at its end.
  if (encoding === "utf-8" && /\ufffd[^]{3}/.test(broken) && !/[^\0-\x7f\ufffd]/.test(broken))
    return guess(octets, ["charset-unknown"]);
  return { text: broken, warnings: ["encoding-broken"] };
}

function decodeOther(octets: Uint8Array, name: string): Decoded {
  const text = decode(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength), name);
  return { text, warnings: text.includes("\ufffd") ? ["encoding-broken"] : [] };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Valid UTF-8 is hardly ever anything else. Of other octets, those that stand only in pairs of GB 2312 characters are
 * Chinese, as no European text is; all others are most often Windows Latin 1, which has no invalid ones.
 */
function guess(octets: Uint8Array, warnings: CharsetWarning[]): Decoded {
  if (isByteOrderMarked(octets)) return decodeStandard(octets, byteOrder(octets));
  const text = tryDecode(octets, utf8);
  if (text !== null) return { text, warnings };
  const guessed = looksChinese(octets) ? "gb18030" : "windows-1252";
  return { text: new TextDecoder(guessed).decode(octets), warnings: ["charset-unknown"] };
}

/** At least two characters of GB 2312, and no octet beyond ASCII that is not of one. */
function looksChinese(octets: Uint8Array): boolean {
  let pairs = 0;
  for (let at = 0; at < octets.length; at++) {
    const lead = octets[at] ?? 0;
    if (lead < 0x80) continue;
    const trail = octets[++at] ?? 0;
    if (lead < 0xa1 || lead > 0xf7 || (lead > 0xa9 && lead < 0xb0) || trail < 0xa1 || trail > 0xfe) return false;
    pairs++;
  }
  return pairs >= 2;
}

function isWide(name: string): boolean {
  return /^(utf|ucs|unicode|iso-10646)/i.test(name);
}

function isByteOrderMarked(octets: Uint8Array): boolean {
  const mark = (octets[0] ?? 0) * 256 + (octets[1] ?? 0);
  return octets.length % 2 === 0 && (mark === 0xfeff || mark === 0xfffe);
}

function byteOrder(octets: Uint8Array): TextDecoder {
  return new TextDecoder(octets[0] === 0xfe ? "utf-16be" : "utf-16le", { fatal: true });
}

function tryDecode(octets: Uint8Array, decoder: TextDecoder): string | null {
  try {
    return decoder.decode(octets);
  } catch {
    return null;
  }
}
