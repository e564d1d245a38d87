import { createHash } from "node:crypto";
import type { Address } from "../../src/mail/address.ts";

/** A file that has to come out byte for byte. */
export type FileFacts = {
  filename: string | null;
  contentType: string;
  /** Of the decoded octets, in hexadecimal. */
  sha256: string;
  /** Octets when decoded. */
  octets: number;
  inline: boolean;
};

/** What any reader of a message, over any protocol, has to find in it. */
export type Facts = {
  messageId: string | null;
  inReplyTo: string | null;
  references: string[];
  subject: string;
  from: Address | null;
  sender: Address | null;
  replyTo: Address[];
  to: Address[];
  cc: Address[];
  bcc: Address[];
  /** RFC 3339 in UTC with milliseconds. */
  date: string | null;
  text: string | null;
  html: string | null;
  files: FileFacts[];
  /** In alphabetical order. */
  warnings: string[];
};

export type CorpusMessage = {
  /** Unique. */
  name: string;
  /** The exact octets, as they were delivered. */
  raw: Buffer;
  facts: Facts;
  /** Where an IMAP server makes the facts impossible, which ones, and why. */
  dovecot?: { because: string; facts?: Partial<Facts>; isListedWithoutStructure?: true };
};

type Wanted = Partial<Facts> & { dovecot?: CorpusMessage["dovecot"] };

export function address(email: string, name = ""): Address {
  return { name, email };
}

export const ann = address("ann@example.com", "Ann");
export const bob = address("bob@example.com");

/** Octets from hexadecimal as a string of one character per octet, as all texts of the corpus are. */
export function hex(digits: string): string {
  return Buffer.from(digits, "hex").toString("latin1");
}

/** The octets of a text in UTF-8. */
export function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The lines of a text, each with its CRLF. */
export function lines(...all: string[]): string {
  return all.map((line) => `${line}\r\n`).join("");
}

/** Octets as base64 in lines of 76. */
export function base64(octets: string): string {
  return Buffer.from(octets, "latin1")
    .toString("base64")
    .replace(/.{76}(?=.)/g, "$&\r\n");
}

/** An attachment's facts; `octets` as they are decoded. */
export function file(
  filename: string | null,
  contentType: string,
  octets: string,
  { inline = false }: { inline?: boolean } = {},
): FileFacts {
  const bytes = Buffer.from(octets, "latin1");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { filename, contentType, sha256, octets: bytes.length, inline };
}

/** A multipart's own field and its body, from whole parts (header, empty line, body). */
export function multipart(subtype: string, boundary: string, parts: string[], parameters = ""): string {
  const body = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join("");
  return `Content-Type: multipart/${subtype}; boundary="${boundary}"${parameters}\r\n\r\n${body}--${boundary}--\r\n`;
}

/** A part: its fields, and its body without the line end that the boundary takes. */
export function part(fields: string[], body: string): string {
  return `${lines(...fields)}\r\n${body}`;
}

/** Octets of all values, none of them text. */
export const binary = Array.from({ length: 1000 }, (_, index) =>
  String.fromCharCode((index * 37 + (index >> 3)) % 256),
).join("");

/** A PDF in base64, as most attachments come. */
export function pdfPart(name = 'filename="a.pdf"'): string {
  return part(
    ["Content-Type: application/pdf", `Content-Disposition: attachment; ${name}`, "Content-Transfer-Encoding: base64"],
    base64(`%PDF-1.4 ${binary}`),
  );
}
export function pdfFile(filename: string | null = "a.pdf"): FileFacts {
  return file(filename, "application/pdf", `%PDF-1.4 ${binary}`);
}

const slug = (name: string) => name.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "");

/** What a message has when nothing else is said. */
function usual(name: string): Facts {
  return {
    messageId: `<${slug(name)}@corpus.test>`,
    inReplyTo: null,
    references: [],
    subject: "Hello",
    from: ann,
    sender: null,
    replyTo: [],
    to: [bob],
    cc: [],
    bcc: [],
    date: "2026-11-22T10:00:00.000Z",
    text: null,
    html: null,
    files: [],
    warnings: [],
  };
}

/** A message of exactly these octets; facts that are not named are those of nothing: null, "" or []. */
export function raw(name: string, octets: string, { dovecot, ...facts }: Wanted): CorpusMessage {
  const none = { messageId: null, subject: "", from: null, to: [], date: null };
  return {
    name,
    raw: Buffer.from(octets, "latin1"),
    facts: { ...usual(name), ...none, ...facts },
    ...(dovecot && { dovecot }),
  };
}

/**
 * A message with the usual header, in which the fields named in `fields` stand instead of the usual ones; `rest` is what
 * follows it: more fields, an empty line, and the body.
 */
export function mail(name: string, fields: string[], rest: string, { dovecot, ...facts }: Wanted): CorpusMessage {
  const nameOf = (field: string) => field.slice(0, field.indexOf(":")).trim().toLowerCase();
  const own = new Set(fields.map(nameOf));
  const header = [
    "From: Ann <ann@example.com>",
    "To: bob@example.com",
    "Subject: Hello",
    "Date: Sun, 22 Nov 2026 10:00:00 +0000",
    `Message-ID: <${slug(name)}@corpus.test>`,
    "MIME-Version: 1.0",
  ].filter((field) => !own.has(nameOf(field)));
  return {
    name,
    raw: Buffer.from(lines(...header, ...fields) + rest, "latin1"),
    facts: { ...usual(name), ...facts },
    ...(dovecot && { dovecot }),
  };
}

/** One that differs only in its header; its body is `Hi.` */
export function headed(name: string, fields: string[], facts: Wanted): CorpusMessage {
  return mail(name, fields, "\r\nHi.\r\n", { text: "Hi.\n", ...facts });
}

/** One text part with these fields. */
export function texted(name: string, fields: string[], body: string, facts: Wanted): CorpusMessage {
  return mail(name, fields, `\r\n${body}`, facts);
}
