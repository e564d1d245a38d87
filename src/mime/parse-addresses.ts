import addressparser from "nodemailer/lib/addressparser";
import type { Address } from "../mail/address.ts";
import { decodeWords } from "./headers.ts";

/**
 * The mailboxes of an address field (RFC 5322 §3.4), groups flattened. Names are decoded after parsing, so that no encoded
 * comma or bracket makes an address. An entry without an address keeps its name, with `email` "".
 *
 * @param value the field's unfolded value with its encoded-words as they stand (`rawHeaders`)
 */
export function parseAddresses(value: string): Address[] {
  return addressparser(closeWords(value), { flatten: true })
    .map(({ name, address }) => ({ name: decodeWords(name), email: address.trim() }))
    .filter(({ name, email }) => name !== "" || email !== "");
}

/** Escapes what some senders leave bare inside an encoded-word (RFC 2047 §5 (3) forbids it): `=?utf-8?Q?Doe,_J?= <j@x.y>`. */
function closeWords(value: string): string {
  return value.replace(/=\?[\w*-]+\?q\?[^?]*\?=/gi, (word) => word.replace(/[",:;<>()@[\]\\]/g, escape));
}

function escape(character: string): string {
  return `=${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
