import type { ImapAttribute, ImapFlow, ImapResponse } from "imapflow";

/** One argument of a command, as imapflow's compiler takes it. */
export type Token =
  | { type: "ATOM" | "SEQUENCE"; value: string; section?: Token[]; partial?: [number, number] }
  | { type: "STRING"; value: string }
  | { type: "LITERAL"; value: Buffer }
  | Token[];

type Untagged = (response: ImapResponse) => Promise<void>;

/**
 * What we use of imapflow below its typed commands, which turn failures into results (`false`, `undefined`) and rename
 * folders. `exec` settles with the tagged answer and reads on only after `next`.
 */
export type Wire = {
  exec(
    command: string,
    attributes: Token[],
    options: { untagged: Record<string, Untagged>; onPlusTag?: () => Promise<void> },
  ): Promise<{ response: ImapResponse; next: () => void }>;
  untaggedHandlers: Record<string, Untagged | null>;
  /** Called with every untagged response, for what takes it. */
  getUntaggedHandler(command: string, attributes: ImapAttribute[] | undefined): Untagged | undefined;
  /** Writes one line as it stands; CRLF is added. The answer to its tag is passed over. */
  write(line: string): void;
  /** The announcement that `capabilities` was read from; nobody reads it again. */
  rawCapabilities: ImapAttribute[] | null;
};

export function wireOf(client: ImapFlow): Wire {
  return client as unknown as Wire;
}

export function atom(value: string): Token {
  return { type: "ATOM", value };
}

/** A message set of RFC 9051 §9 (sequence-set). */
export function sequence(value: string | number): Token {
  return { type: "SEQUENCE", value: String(value) };
}

/** `BODY.PEEK[section]`, or `BODY.PEEK[section]<offset.length>`: never sets \Seen. "" is the whole message. */
export function peek(section: string, partial?: { offset: number; length: number }): Token {
  return {
    type: "ATOM",
    value: "BODY.PEEK",
    section: section === "" ? [] : [atom(section)],
    ...(partial ? { partial: [partial.offset, partial.length] } : {}),
  };
}

/** `BODY.PEEK[HEADER.FIELDS (names)]`, the first `length` octets of it where that is given (RFC 9051 §6.4.5.1). */
export function peekFields(names: readonly string[], length?: number): Token {
  return {
    type: "ATOM",
    value: "BODY.PEEK",
    section: [atom("HEADER.FIELDS"), names.map((name) => atom(name.toUpperCase()))],
    ...(length === undefined ? {} : { partial: [0, length] }),
  };
}

/** A string argument: quoted where ASCII allows, else a literal in UTF-8. CR, LF and NUL must not get here. */
export function text(value: string): Token {
  if (/^[\u0020-\u007e]*$/.test(value)) return { type: "STRING", value };
  return { type: "LITERAL", value: Buffer.from(value, "utf8") };
}

/** A response's string, whichever way the server sent it; null for NIL and for lists. */
export function stringOf(attribute: ImapAttribute | undefined): string | null {
  const value = attribute?.value;
  if (Buffer.isBuffer(value)) return value.toString("utf8");
  if (typeof value === "number") return String(value);
  return typeof value === "string" ? value : null;
}

/** A response's octets; null for NIL. */
export function octetsOf(attribute: ImapAttribute | undefined): Buffer | null {
  const value = attribute?.value;
  if (Buffer.isBuffer(value)) return value;
  return typeof value === "string" ? Buffer.from(value, "utf8") : null;
}

export function stringsOf(attribute: ImapAttribute | undefined): string[] {
  return Array.isArray(attribute) ? attribute.flatMap((entry) => stringOf(entry) ?? []) : [];
}

/** A bounded unsigned number; null for anything else. */
export function numberOf(attribute: ImapAttribute | undefined): number | null {
  const digits = stringOf(attribute);
  return digits !== null && /^\d{1,15}$/.test(digits) ? Number(digits) : null;
}

/** An unsigned 32-bit number, as UIDs and UIDVALIDITY are (RFC 9051 §9); null when it is none. */
export function uint32Of(attribute: ImapAttribute | undefined): number | null {
  const value = numberOf(attribute);
  return value !== null && value < 2 ** 32 ? value : null;
}

/** A mod-sequence (RFC 7162 §7) in decimal digits; null for 0, which stands for none, and for what is none. */
export function modSeqOf(attribute: ImapAttribute | undefined): string | null {
  const digits = stringOf(attribute);
  return digits !== null && /^[1-9]\d{0,18}$/.test(digits) ? digits : null;
}

/** The response code of a status response (RFC 9051 §7.1), upper case, with its arguments; null where there is none. */
export function responseCode(response: ImapResponse): { code: string; args: ImapAttribute[] } | null {
  const first = response.attributes?.[0];
  const section = first && (first.value === undefined || first.value === "") ? first.section : undefined;
  const code = stringOf(section?.[0]);
  return section && code !== null ? { code: code.toUpperCase().trim(), args: section.slice(1) } : null;
}

/** The words of a status response, on one line. */
export function responseText(response: ImapResponse): string {
  const words = (response.attributes ?? []).flatMap((part) => (part?.type === "TEXT" ? (stringOf(part) ?? []) : []));
  return words.join(" ").trim();
}
