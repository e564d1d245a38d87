import type { ImapAttribute, ImapResponse } from "imapflow";
import type { NativeKey } from "../../mail/message.ts";
import type { Part } from "../../mail/part.ts";
import { parseInternalDate } from "./dates.ts";
import { toPart } from "./structure.ts";
import { modSeqOf, numberOf, octetsOf, uint32Of, stringOf, stringsOf } from "./wire.ts";

/** What the server told of one message, over all its FETCH responses to one command. Absent: not told. */
export type Row = {
  sequence: number;
  uid?: number;
  flags?: string[];
  /** Milliseconds, or null when it can't be read. */
  internalDate?: number | null;
  size?: number;
  /** Null when it can't be read. */
  structure?: Part | null;
  /** In decimal digits. */
  modSeq?: string;
  emailId?: string;
  gmailId?: string;
  guid?: string;
  threadId?: string;
  gmailThreadId?: string;
  /** A block of fields that was cut and has a References, where the other fields were asked for once more. */
  references?: Buffer | null;
  /**
   * By section path, upper case; the fields of `HEADER.FIELDS` are left out of it. `octets` is null for NIL; `origin` is null
   * where no partial was answered.
   */
  sections: Map<string, { octets: Buffer | null; origin: number | null }>;
};

/**
 * The messages of a command's untagged FETCH responses, read as they come. A message that the server tells in several
 * responses is one row; an expunge in between may give its sequence number to another one.
 */
export function rowReader(): { rows: Row[]; read: (response: ImapResponse) => void } {
  const rows: Row[] = [];
  const latest = new Map<number, Row>();
  return {
    rows,
    read(response) {
      const sequence = numberOf({ type: "ATOM", value: response.command });
      const items = response.attributes?.[1];
      if (!sequence || !Array.isArray(items)) return;
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
    },
  };
}

/** The messages of the FETCH responses that a reply has kept. */
export function rowsOf(untagged: ImapResponse[]): Row[] {
  const { rows, read } = rowReader();
  for (const response of untagged) read(response);
  return rows;
}

function readItem(row: Row, item: ImapAttribute | undefined, value: ImapAttribute | undefined): void {
  const name = stringOf(item)?.toUpperCase();
  if (name === "BODY" && item?.section) {
    const section = item.section.flatMap((token) => stringOf(token) ?? []).join(" ");
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
    case "BODYSTRUCTURE":
      row.structure = value ? toPart(value) : null;
      break;
    case "MODSEQ":
      setText(modSeqOf(Array.isArray(value) ? value[0] : value), (modSeq) => (row.modSeq = modSeq));
      break;
    case "EMAILID":
      setText(keyText(stringsOf(value)[0] ?? stringOf(value)), (id) => (row.emailId = id));
      break;
    case "X-GM-MSGID":
      setText(uint64Text(stringOf(value)), (id) => (row.gmailId = id));
      break;
    case "THREADID":
      setText(keyText(stringsOf(value)[0] ?? stringOf(value)), (id) => (row.threadId = id));
      break;
    case "X-GM-THRID":
      setText(uint64Text(stringOf(value)), (id) => (row.gmailThreadId = id));
      break;
    case "X-GUID":
      setText(keyText(stringOf(value)), (id) => (row.guid = id));
      break;
  }
}

/** X-GM-MSGID and X-GM-THRID are each an unsigned 64-bit number; anything else is none. */
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

/** The key that the server gave the message for life, or null. */
export function keyOf(row: Row): NativeKey | null {
  if (row.emailId) return { kind: "emailId", value: row.emailId };
  if (row.gmailId) return { kind: "gmail", value: row.gmailId };
  return row.guid ? { kind: "guid", value: row.guid } : null;
}
