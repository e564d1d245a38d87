import type { FlagChange, Flags } from "./flags.ts";

/**
 * What names a message in a maildrop for life: its unique-id (RFC 1939 §7 UIDL), or, where the server gives none or the same
 * one twice, the message's own fingerprint (DESIGN §4).
 */
export type MaildropKey = { kind: "uidl" | "fingerprint"; value: string };

/** What is kept of a message's header: it never changes. */
export type KeptHeader = {
  key: MaildropKey;
  /** The fields that a listing needs, as octets of a header block. */
  header: Uint8Array;
  /** The message's size in octets, as the server told. */
  size: number;
};

/**
 * Headers of one account's maildrop, kept so that a listing need not ask for them again (POP3 has no cheaper way). Bounded:
 * the ones kept longest go first. Losing it costs time, never truth.
 */
export type HeaderCache = {
  /** What is kept of these, by the key's text; the rest is absent. */
  get(keys: MaildropKey[]): Promise<Map<string, KeptHeader>>;
  put(headers: KeptHeader[]): Promise<void>;
};

/** Flags and keywords that Postern keeps for messages of one account, whose protocol knows none (`flagStorage: "gateway"`). */
export type FlagStore = {
  /** The flags of these, by the key's text; one that was never flagged is absent. */
  get(keys: MaildropKey[]): Promise<Map<string, { flags: Flags; keywords: string[] }>>;
  /** Applies one change to all of these, each in one step. */
  change(keys: MaildropKey[], change: FlagChange): Promise<void>;
};

/** What Postern keeps of one account's maildrop. */
export type KeptMaildrop = {
  headers: HeaderCache;
  flags: FlagStore;
  /** Forgets these: they were deleted. */
  forget(keys: MaildropKey[]): Promise<void>;
  /** Forgets whatever is not among these, which are all that the maildrop holds now. */
  keepOnly(keys: MaildropKey[]): Promise<void>;
};

/** A key as one string, for maps and rows. */
export function maildropKeyText({ kind, value }: MaildropKey): string {
  return `${kind}:${value}`;
}
