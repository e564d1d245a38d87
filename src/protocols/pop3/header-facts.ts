import type { Envelope } from "../../mail/message.ts";
import { decodeWords } from "../../mime/encoded-words.ts";
import { headerValue, rawHeaders } from "../../mime/headers.ts";
import { parseDate } from "../../mime/parse-date.ts";
import {
  emptyEnvelope,
  envelopeFields,
  maxEnvelopeOctets,
  parseEnvelope,
  withoutCutEnd,
} from "../../mime/parse-envelope.ts";

const envelopeNames: ReadonlySet<string> = new Set(envelopeFields.map((name) => name.toLowerCase()));

/** A field as it stands, with its folded lines and line ends, one character per octet; `name` is "" for a line that is none. */
type RawField = { name: string; text: string };

/** The fields of a header block that a listing needs, as a header block; `isCut` when the envelope's are longer than 64 KiB. */
export type ListedFields = { fields: Uint8Array; isCut: boolean };

/** What a listing tells of a message's header. */
export type HeaderFacts = {
  envelope: Envelope;
  /** The From field as people read it. */
  from: string;
  /** When the last server on its way took it over: the date of the topmost Received (RFC 5322 §3.6.7), milliseconds; or null. */
  receivedAt: number | null;
  warnings: string[];
};

/** An envelope's fields, and the topmost Received. */
export function listedFields(block: Uint8Array): ListedFields {
  let envelope = "";
  let received = "";
  for (const { name, text } of rawFields(block)) {
    if (envelopeNames.has(name) && envelope.length <= maxEnvelopeOctets) envelope += ended(text);
    if (name === "received" && received === "") received = ended(text);
  }
  const isCut = envelope.length > maxEnvelopeOctets;
  return { fields: Buffer.from(`${isCut ? cut(envelope) : envelope}${received}\r\n`, "latin1"), isCut };
}

/** What the fields say that `listedFields` gave. */
export function factsOf({ fields, isCut }: ListedFields): HeaderFacts {
  const { envelope, warnings } = parseEnvelope(fields);
  const headers = rawHeaders(fields);
  const ofName = (name: string): string[] =>
    headers.filter((header) => header.name.toLowerCase() === name).map(({ value }) => value);
  return {
    envelope,
    from: decodeWords(ofName("from").join(", ")),
    receivedAt: dateOf(headerValue(headers, "received") ?? ""),
    warnings: isCut ? [...warnings, "header-truncated"] : warnings,
  };
}

/** What is told where the server does not give the header. */
export const noFacts: HeaderFacts = {
  envelope: emptyEnvelope,
  from: "",
  receivedAt: null,
  warnings: ["envelope-missing"],
};

/** The fields of a header block up to its empty line, or to its end. */
export function* rawFields(block: Uint8Array): Generator<RawField> {
  const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString("latin1");
  let field: RawField | null = null;
  for (let start = 0; start < text.length;) {
    const found = text.indexOf("\n", start);
    const line = text.slice(start, found < 0 ? text.length : found + 1);
    start += line.length;
    if (line === "\n" || line === "\r\n") break;
    if (field && (line.startsWith(" ") || line.startsWith("\t"))) {
      field.text += line;
      continue;
    }
    if (field) yield field;
    field = { name: /^([!-9;-~]+)[ \t]*:/.exec(line)?.[1]?.toLowerCase() ?? "", text: line };
  }
  if (field) yield field;
}

function cut(fields: string): string {
  const head = Buffer.from(fields.slice(0, maxEnvelopeOctets), "latin1");
  return ended(withoutCutEnd(head).toString("latin1"));
}

/** The last line of a block may lack its end. */
function ended(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\r\n`;
}

function dateOf(received: string): number | null {
  const semicolon = received.lastIndexOf(";");
  return semicolon < 0 ? null : parseDate(received.slice(semicolon + 1));
}
