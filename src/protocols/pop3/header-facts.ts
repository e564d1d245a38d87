import type { Envelope } from "../../mail/message.ts";
import { decodeWords } from "../../mime/encoded-words.ts";
import { type Header, headerValue, messageIds, rawHeaders } from "../../mime/headers.ts";
import { parseDate } from "../../mime/parse-date.ts";
import {
  emptyEnvelope,
  envelopeFields,
  maxEnvelopeOctets,
  parseEnvelope,
  withoutCutEnd,
} from "../../mime/parse-envelope.ts";

const envelopeNames: ReadonlySet<string> = new Set(envelopeFields.map((name) => name.toLowerCase()));

/**
 * The fields that `listedFields` gives whole, lower case: of Received and References it does not, and what was kept of old has no
 * References at all.
 */
export const searchableNames: ReadonlySet<string> = new Set([...envelopeNames].filter((name) => name !== "references"));

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

/** Octets of References that a listing reads at most: a hundred ids and more. What is longer has no say in how much of the rest is read. */
const maxReferencesOctets = 8 * 1024;

/** An envelope's fields, and the topmost Received. */
export function listedFields(block: Uint8Array): ListedFields {
  let envelope = "";
  let references = "";
  let received = "";
  for (const { name, text } of rawFields(block)) {
    if (name === "references") references += references === "" ? ended(text) : "";
    else if (envelopeNames.has(name) && envelope.length <= maxEnvelopeOctets) envelope += ended(text);
    if (name === "received" && received === "") received = ended(text);
  }
  const isCut = envelope.length > maxEnvelopeOctets;
  const fields = `${isCut ? cut(envelope) : envelope}${firstAndLast(references)}${received}\r\n`;
  return { fields: Buffer.from(fields, "latin1"), isCut };
}

/** The ids that name the conversation, and those of the messages that were answered, of a field that is too long. */
function firstAndLast(field: string): string {
  if (field.length <= maxReferencesOctets) return field;
  const ids = messageIds(field);
  const kept: string[] = [];
  let room = maxReferencesOctets;
  const [root = ""] = ids;
  for (const id of [root, ...ids.slice(1).reverse()]) {
    room -= id.length + 3;
    if (room < 0) break;
    kept.push(id);
  }
  return kept.length === 0 ? "" : `References: ${[...kept.slice(0, 1), ...kept.slice(1).reverse()].join("\r\n ")}\r\n`;
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
    receivedAt: receivedAtOf(headers),
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

/** The date of the topmost Received, milliseconds; null where there is none, or none that can be read. */
export function receivedAtOf(headers: Header[]): number | null {
  const received = headerValue(headers, "received") ?? "";
  const semicolon = received.lastIndexOf(";");
  return semicolon < 0 ? null : parseDate(received.slice(semicolon + 1));
}
