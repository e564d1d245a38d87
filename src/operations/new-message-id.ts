import { randomOctets } from "../mail/random.ts";
import { asciiEmail } from "../mime/check-address.ts";

/** A new Message-ID (RFC 5322 §3.6.4) with angle brackets, in the domain of its author's address. */
export const newMessageId = (email: string): string =>
  `<${randomOctets(16).toString("hex")}@${asciiEmail(email).split("@").at(-1)}>`;
