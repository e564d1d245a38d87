import { invalid } from "../errors.ts";
import type { Address } from "../mail/address.ts";
import { decodeWords } from "./encoded-words.ts";
import { headerValue, messageIdOf, rawHeaders } from "./headers.ts";
import { maxLine } from "./line-ends.ts";
import { mailboxes } from "./parse-envelope.ts";

/** What the header of a message to be sent says, before any of it was removed. */
export type RawHead = {
  /** At least one; all that have an address. */
  from: Address[];
  sender: Address | null;
  to: Address[];
  cc: Address[];
  bcc: Address[];
  /** Whether all entries of To, Cc and Bcc have an address; else who is meant can't be told from the header. */
  isComplete: boolean;
  subject: string;
  /** With angle brackets: the message's own, or else the one that it was given. */
  messageId: string;
  /** Whether the header that goes out is ASCII; else it takes SMTPUTF8 (RFC 6531) to send it. */
  isAscii: boolean;
};

/** What a message gets that has no Message-ID (with angle brackets) or no Date. */
export type RawDefaults = { messageId: string; date: Date };

/** Octets of a header, its empty line included. */
export const maxHead = 256 * 1024;

/** `rawHeaders` reads no more. */
const maxFields = 1000;

/** Who got a copy that the others must not know of (RFC 5322 §3.6.3, §3.6.6). */
const hidden = new Set(["bcc", "resent-bcc"]);

/** What says who wrote what and when: two of a kind are read differently by different programs (RFC 5322 §3.6 has one). */
const single = new Set(["from", "sender", "date", "message-id", "subject"]);

/**
 * The header of a message that is to be sent: what it says, and its octets as they go out: without Bcc and Resent-Bcc, with
 * Date and Message-ID where they were missing, every other field as it stands, in its place.
 * Fails `validation-failed` for a header that can't go out: a line that is too long or no field, no usable From, a field twice.
 *
 * @param block lines that end in CRLF, without the empty one
 */
export function readRawHead(block: Buffer, defaults: RawDefaults): { head: RawHead; octets: Buffer } {
  const fields = splitFields(block.toString("latin1"));
  const names = fields.map(({ name }) => name);
  const twice = names.find((name, at) => single.has(name) && names.indexOf(name) !== at);
  if (twice !== undefined) throw invalid("", "header-twice", `The header has ${shown(twice)} twice; it may have one.`);

  const headers = rawHeaders(block);
  let isComplete = true;
  const recipients = (name: string): Address[] =>
    mailboxes(headers, name, (warning) => {
      if (warning === "address-unparseable") isComplete = false;
    });
  const [to, cc, bcc] = [recipients("to"), recipients("cc"), recipients("bcc")];
  const from = mailboxes(headers, "from", () => {});
  if (from.length === 0) throw invalid("", "from-missing", "The header has no From with an address.");
  const ownId = messageIdOf(headers);
  const isId = ownId === null ? (headerValue(headers, "message-id") ?? "") === "" : /^<[!-;=?-~]+>$/.test(ownId);
  if (!isId) throw invalid("", "message-id-invalid", "The Message-ID is no ASCII id in angle brackets.");

  const kept = fields.filter(({ name, value }) => !hidden.has(name) && !(isGiven(name) && value.trim() === ""));
  const added = [
    ...(kept.some(({ name }) => name === "date") ? [] : [`Date: ${dateField(defaults.date)}\r\n`]),
    ...(ownId === null ? [`Message-ID: ${defaults.messageId}\r\n`] : []),
  ];
  const octets = Buffer.from([...kept.map(({ text }) => text), ...added].join(""), "latin1");
  const head: RawHead = {
    from,
    sender: mailboxes(headers, "sender", () => {})[0] ?? null,
    to,
    cc,
    bcc,
    isComplete,
    subject: decodeWords(headerValue(headers, "subject") ?? ""),
    messageId: ownId ?? defaults.messageId,
    isAscii: !octets.some((octet) => octet > 0x7f),
  };
  return { head, octets };
}

/** A field as it stands, with its folded lines: `text` with all CRLFs, `name` in lower case. One character per octet. */
type Field = { name: string; value: string; text: string };

function splitFields(block: string): Field[] {
  const fields: Field[] = [];
  let at = 0;
  for (let line = 1; at < block.length; line++) {
    const end = block.indexOf("\r\n", at);
    const text = block.slice(at, end);
    at = end + 2;
    if (text.length > maxLine)
      throw invalid("", "header-line-too-long", `Line ${line} of the header has more than ${maxLine} octets.`);
    const last = fields.at(-1);
    if (/^[ \t]/.test(text) && last) {
      last.text += `${text}\r\n`;
      last.value += text;
      continue;
    }
    const match = /^([!-9;-~]+)[ \t]*:/.exec(text);
    if (!match) throw invalid("", "header-invalid", `Line ${line} of the header is no header field.`);
    if (fields.length === maxFields)
      throw invalid("", "too-many-fields", `The header has more than ${maxFields} fields.`);
    fields.push({ name: (match[1] ?? "").toLowerCase(), value: text.slice(match[0].length), text: `${text}\r\n` });
  }
  return fields;
}

/** Fields that are as good as missing when they are empty. */
function isGiven(name: string): boolean {
  return name === "date" || name === "message-id";
}

/** RFC 5322 §3.3, in UTC. */
function dateField(date: Date): string {
  return date.toUTCString().replace("GMT", "+0000");
}

function shown(name: string): string {
  return name === "message-id" ? "Message-ID" : `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
