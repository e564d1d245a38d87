import addressparser from "nodemailer/lib/addressparser";
import type { Address } from "../mail/address.ts";
import { closeSpecials, decodeWords, type Warn } from "./encoded-words.ts";

/**
 * The mailboxes of an address field (RFC 5322 §3.4), groups flattened. Names are decoded after parsing, so that no encoded
 * comma or bracket makes an address. An entry without an address keeps its name, with `email` "".
 *
 * @param value the field's unfolded value with its encoded-words as they stand (`rawHeaders`)
 */
export function parseAddresses(value: string, warn?: Warn): Address[] {
  return addressparser(closeSpecials(value), { flatten: true })
    .map(({ name, address }) => ({ name: decodeWords(name.replace(/^[<>\s]+$/, ""), warn), email: address.trim() }))
    .filter(({ name, email }) => name !== "" || email !== "");
}
