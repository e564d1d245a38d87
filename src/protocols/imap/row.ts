import type { ImapAttribute, ImapResponse, MessageStructureObject } from "imapflow";
import { parseBodystructure, parseEnvelope } from "imapflow/lib/tools.js";
import { type Envelope, type NativeKey, type Summary } from "../../mail/message.ts";
import type { Part } from "../../mail/part.ts";
import { parseInternalDate } from "./dates.ts";
import { emptyEnvelope, toEnvelope } from "./envelope.ts";
import { toPart } from "./structure.ts";
import { numberOf, octetsOf, uint32Of, stringOf, stringsOf } from "./wire.ts";

/** What the server told of one message, over all its FETCH responses to one command. Absent: not told. */
export type Row = {
  sequence: number;
  uid?: number;
  flags?: string[];
  /** Milliseconds, or null when it can't be read. */
  internalDate?: number | null;
  size?: number;
  envelope?: { envelope: Envelope; dateText: string | null };
  /** Null when it can't be read. */
  structure?: Part | null;
  emailId?: string;
  gmailId?: string;
  guid?: string;
  /** By section path, upper case. `octets` is null for NIL; `origin` is null where no partial was answered. */
  sections: Map<string, { octets: Buffer | null; origin: number | null }>;
};

/**
 * The messages of a command's untagged FETCH responses. A message that the server tells in several responses is one row;
 * an expunge in between may give its sequence number to another one.
 */
export function rowsOf(untagged: ImapResponse[]): Row[] {
  const rows: Row[] = [];
  const latest = new Map<number, Row>();
  for (const response of untagged) {
    const sequence = numberOf({ type: "ATOM", value: response.command });
    const items = response.attributes?.[1];
    if (!sequence || !Array.isArray(items)) continue;
    const told: Row = { sequence, sections: new Map() };
    for (let i = 0; i + 1 < items.length; i += 2) readItem(told, items[i], items[i + 1]);
    const known = latest.get(sequence);
    if (known && (told.uid === undefined || known.uid === undefined || told.uid === known.uid)) {
      const sections = new Map([...known.sections, ...told.sections]);
      Object.assign(known, told, { sections });
    } else {
      latest.set(sequence, told);
      rows.push(told);
    }
  }
  return rows;
}

function readItem(row: Row, item: ImapAttribute | undefined, value: ImapAttribute | undefined): void {
  const name = stringOf(item)?.toUpperCase();
  if (name === "BODY" && item?.section) {
    const section = item.section.map((token) => stringOf(token) ?? "").join(" ");
    row.sections.set(section.toUpperCase(), { octets: octetsOf(value), origin: item.partial?.[0] ?? null });
    return;
  }
  switch (name) {
    case "UID":
      setNumber(uint32Of(value), (uid) => (row.uid = uid));
      break;
    case "FLAGS":
      if (Array.isArray(value)) row.flags = stringsOf(value);
      break;
    case "RFC822.SIZE":
      setNumber(numberOf(value), (size) => (row.size = size));
      break;
    case "INTERNALDATE":
      row.internalDate = parseInternalDate(stringOf(value) ?? "");
      break;
    case "ENVELOPE":
      row.envelope = Array.isArray(value)
        ? { envelope: toEnvelope(parseEnvelope(value), stringOf(value[0])), dateText: stringOf(value[0]) }
        : { envelope: emptyEnvelope, dateText: null };
      break;
    case "BODYSTRUCTURE":
      row.structure = Array.isArray(value) ? readStructure(value) : null;
      break;
    case "EMAILID":
      setText(keyText(stringsOf(value)[0] ?? stringOf(value)), (id) => (row.emailId = id));
      break;
    case "X-GM-MSGID":
      setText(uint64Text(stringOf(value)), (id) => (row.gmailId = id));
      break;
    case "X-GUID":
      setText(keyText(stringOf(value)), (id) => (row.guid = id));
      break;
  }
}

/** X-GM-MSGID is an unsigned 64-bit number; anything else is no key. */
function uint64Text(text: string | null): string | null {
  return text !== null && /^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n ? text : null;
}

/** A key goes into an id and into a search: one that is too long or not printable is none. */
function keyText(text: string | null): string | null {
  return text !== null && /^[\x21-\x7e]{1,255}$/.test(text) ? text : null;
}

function setNumber(value: number | null, set: (value: number) => void): void {
  if (value !== null) set(value);
}

function setText(value: string | null, set: (value: string) => void): void {
  if (value) set(value);
}

/** Null where the sender made something that imapflow's reader can't follow. */
function readStructure(value: Parameters<typeof parseBodystructure>[0]): Part | null {
  try {
    const structure: MessageStructureObject = parseBodystructure(value);
    return toPart(structure);
  } catch {
    return null;
  }
}

/** The key that the server gave the message for life, or null. */
export function keyOf(row: Row): NativeKey | null {
  if (row.emailId) return { kind: "emailId", value: row.emailId };
  if (row.gmailId) return { kind: "gmail", value: row.gmailId };
  return row.guid ? { kind: "guid", value: row.guid } : null;
}

/** True when the row holds all that a listing must tell; a BODYSTRUCTURE may be missing (too deep). */
export function isComplete(row: Row): row is Row & Required<Pick<Row, "uid" | "flags" | "size" | "envelope">> {
  return row.uid !== undefined && row.flags !== undefined && row.size !== undefined && row.envelope !== undefined;
}

/** The row as a summary; what the server did not tell is empty, with a warning. Null without a UID. */
export function toSummary(row: Row, path: string, uidValidity: number): Summary | null {
  if (row.uid === undefined) return null;
  const envelope = row.envelope?.envelope ?? emptyEnvelope;
  const flags = new Set((row.flags ?? []).map((flag) => flag.toLowerCase()));
  const warnings: string[] = [];
  if (!row.envelope) warnings.push("envelope-missing");
  if (row.envelope?.dateText && envelope.date === null) warnings.push("date-unparseable");
  if (row.flags === undefined) warnings.push("flags-missing");
  if (row.size === undefined) warnings.push("size-missing");
  if (!row.structure) warnings.push("structure-missing");
  return {
    place: { path, uidValidity, uid: row.uid },
    key: keyOf(row),
    envelope,
    receivedAt: row.internalDate ?? null,
    size: row.size ?? 0,
    flags: {
      seen: flags.has("\\seen"),
      flagged: flags.has("\\flagged"),
      answered: flags.has("\\answered"),
      draft: flags.has("\\draft"),
    },
    keywords: (row.flags ?? []).filter((flag) => !flag.startsWith("\\")),
    structure: row.structure ?? null,
    warnings,
  };
}
