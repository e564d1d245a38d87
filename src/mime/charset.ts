import { TextDecoder } from "node:util";
import { createDecodeStream, decode, normalizeCharset } from "libmime/lib/charset.js";

/** `charset-unknown`: the charset was guessed. `encoding-broken`: octets that mean nothing in it became U+FFFD. */
export type CharsetWarning = "charset-unknown" | "encoding-broken";

type Decoded = { text: string; warnings: CharsetWarning[] };

/**
 * Octets as text in the charset that the message names, or null where it names none. UTF-8 that is called ASCII or Latin 1,
 * or nothing, is read as UTF-8. UTF-7 counts as unknown: it smuggles markup past filters. Never fails.
 */
export function decodeCharset(octets: Uint8Array, label: string | null): Decoded {
  const name = /\w[\w.:+-]*/.exec(label ?? "")?.[0] ?? null;
  if (name === null || /ascii|^ansi_x3/i.test(name)) return guess(octets, []);
  const decoder = decoderFor(name);
  if (decoder) return decodeStandard(octets, decoder);
  if (!createDecodeStream(name).supported) return guess(octets, ["charset-unknown"]);
  const text = decode(Buffer.from(octets), name);
  return { text, warnings: text.includes("\ufffd") ? ["encoding-broken"] : [] };
}

/** The platform's decoder (WHATWG Encoding), or null where it has none; "utf-16" needs one that looks for a byte order mark. */
function decoderFor(name: string): TextDecoder | null {
  if (/^utf-?16$/i.test(name)) return null;
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
  return { text: new TextDecoder(encoding).decode(octets), warnings: ["encoding-broken"] };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Valid UTF-8 is hardly ever anything else; other octets are most often Windows Latin 1, which has no invalid ones. */
function guess(octets: Uint8Array, warnings: CharsetWarning[]): Decoded {
  const text = tryDecode(octets, utf8);
  if (text !== null) return { text, warnings };
  return { text: new TextDecoder("windows-1252").decode(octets), warnings: ["charset-unknown"] };
}

function tryDecode(octets: Uint8Array, decoder: TextDecoder): string | null {
  try {
    return decoder.decode(octets);
  } catch {
    return null;
  }
}
