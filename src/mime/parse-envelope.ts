import type { Address } from "../mail/address.ts";
import type { Envelope } from "../mail/message.ts";
import type { CharsetWarning } from "./charset.ts";
import { decodeWords } from "./encoded-words.ts";
import { type Header, headerValue, messageIdOf, messageIds, rawHeaders, references } from "./headers.ts";
import { parseAddresses } from "./parse-addresses.ts";
import { parseDate } from "./parse-date.ts";

/** The header fields that an envelope is made of. */
export const envelopeFields = [
  "Date",
  "From",
  "Sender",
  "Reply-To",
  "To",
  "Cc",
  "Bcc",
  "Subject",
  "Message-ID",
  "In-Reply-To",
  "References",
  // Its charset tells what raw 8-bit octets in the other fields are.
  "Content-Type",
] as const;

/** Octets of these fields that a listing reads at most: nobody's long list of recipients makes a folder unlistable. */
export const maxEnvelopeOctets = 64 * 1024;

/** Up to the last line or address that is whole, of a block that was cut: half an address is another one. */
export function withoutCutEnd(block: Buffer): Buffer {
  return block.subarray(0, Math.max(block.lastIndexOf("\n"), block.lastIndexOf(",")) + 1);
}

/** How many ids of References are kept: the first ones name the conversation, the last ones the messages that were answered. */
const keptReferences = { first: 10, last: 90 };

/** What a message without a header has. */
export const emptyEnvelope: Envelope = {
  messageId: null,
  inReplyTo: null,
  references: [],
  subject: "",
  from: null,
  sender: null,
  replyTo: [],
  to: [],
  cc: [],
  bcc: [],
  date: null,
};

/** What a header can say wrongly. */
export type EnvelopeWarning = CharsetWarning | "date-unparseable" | "address-unparseable";

/**
 * The envelope of a message (RFC 5322 §3.6) from its header block, or from a block of just these fields: the same on every
 * protocol, whatever the server makes of the header. Of a field that stands twice the first counts; address fields that
 * may name several add up. What is missing is null, "" or []: no Sender is not From's address. Never fails; a Date that
 * can't be read is null with the warning `date-unparseable`, and who has no address is left out with `address-unparseable`.
 */
export function parseEnvelope(block: Uint8Array): { envelope: Envelope; warnings: EnvelopeWarning[] } {
  const warnings = new Set<EnvelopeWarning>();
  const warn = (warning: EnvelopeWarning) => warnings.add(warning);
  const headers = rawHeaders(block, (warning, name) => envelopeNames.has(name) && warn(warning));
  const dateText = headerValue(headers, "date") ?? "";
  const date = parseDate(dateText);
  if (date === null && dateText !== "") warn("date-unparseable");
  const envelope: Envelope = {
    messageId: messageIdOf(headers),
    inReplyTo: messageIds(headerValue(headers, "in-reply-to") ?? "")[0] ?? null,
    references: firstAndLast(references(headers)),
    subject: decodeWords(headerValue(headers, "subject") ?? "", warn),
    from: mailboxes(headers, "from", warn)[0] ?? null,
    sender: mailboxes(headers, "sender", warn)[0] ?? null,
    replyTo: mailboxes(headers, "reply-to", warn),
    to: mailboxes(headers, "to", warn),
    cc: mailboxes(headers, "cc", warn),
    bcc: mailboxes(headers, "bcc", warn),
    date,
  };
  return { envelope, warnings: [...warnings] };
}

const envelopeNames: ReadonlySet<string> = new Set(envelopeFields.map((name) => name.toLowerCase()));

/** All mailboxes of a field (lower case) that have a local part and a domain; a bare name is none. */
export function mailboxes(headers: Header[], name: string, warn: (warning: EnvelopeWarning) => void): Address[] {
  const found = headers
    .filter((header) => header.name.toLowerCase() === name)
    .flatMap(({ value }) => parseAddresses(value, warn));
  const usable = found.filter(({ email }) => /^[^@].*@[^@]+$/s.test(email));
  if (usable.length < found.length) warn("address-unparseable");
  return usable;
}

function firstAndLast(ids: string[]): string[] {
  const { first, last } = keptReferences;
  return ids.length <= first + last ? ids : [...ids.slice(0, first), ...ids.slice(-last)];
}
