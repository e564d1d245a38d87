import type { FlagChange, Flags } from "./flags.ts";

/**
 * What names a message in a maildrop for life: its unique-id (RFC 1939 §7 UIDL), or, where the server gives none or the same
 * one twice, the message's own fingerprint (DESIGN §4).
 */
export type MaildropKey = { kind: "uidl" | "fingerprint"; value: string };

/** What is kept of a message's header: it never changes. */
export type KeptHeader = {
  key: MaildropKey;
  /** The fields that a listing needs, as octets of a header block; at most `maxKeptHeaderOctets`. */
  header: Uint8Array;
  /** The message's size in octets, as the server told. */
  size: number;
};

/**
 * Headers of one account's maildrop, kept so that a listing need not ask for them again (POP3 has no cheaper way). Bounded:
 * only for the newest `maxKeptHeaders` messages. Losing it costs time, never truth.
 */
export type HeaderCache = {
  /** What is kept of these, by the key's text; the rest is absent. A page's worth at a time: it all comes into memory. */
  get(keys: MaildropKey[]): Promise<Map<string, KeptHeader>>;
  /** The texts of all keys that something is kept under, also of messages that are gone. */
  keys(): Promise<Set<string>>;
  /**
   * Keeps these, in place of what is kept under the same keys. Those that are too long, whose key can't be kept, or for which
   * there is no room are not kept. The caller puts those of the newest `maxKeptHeaders` messages only: others take their
   * room until the next `keepOnly`.
   */
  put(headers: KeptHeader[]): Promise<void>;
};

/** Flags and keywords that Postern keeps for messages of one account, whose protocol knows none (`flagStorage: "gateway"`). */
export type FlagStore = {
  /** The flags of these, by the key's text; one of which nothing is set is absent. */
  get(keys: MaildropKey[]): Promise<Map<string, { flags: Flags; keywords: string[] }>>;
  /** The texts of all keys on which the flag is set, also of messages that are missing. */
  having(flag: keyof Flags): Promise<Set<string>>;
  /**
   * Applies one change to all of these, each in one step; changes of one message that come at the same time all count.
   * Keywords are told apart as IMAP does, not by case. `unsupported-by-server`: a key that can't be kept, or a message would
   * get more than `maxKeptFlags`; what was changed before stays.
   */
  change(keys: MaildropKey[], change: FlagChange): Promise<void>;
};

/**
 * Unique-ids that stood twice in one account's maildrop, by their keys' texts. Remembered for good: one that stands once again
 * may be another message's.
 */
export type DuplicateIds = {
  all(): Promise<Set<string>>;
  add(texts: string[]): Promise<void>;
};

/** What Postern keeps of the messages of one account's maildrop. Writes fail `not-found` when the account is gone. */
export type KeptMessages = {
  headers: HeaderCache;
  flags: FlagStore;
  /** Forgets these: they were deleted. */
  forget(keys: MaildropKey[]): Promise<void>;
  /**
   * Forgets whatever is not among these, which are all that the maildrop holds now, oldest (lowest number) first; `now` in
   * milliseconds. Flags are forgotten only once their message has been missing for a day: nobody else has them, and a
   * maildrop that looks empty may be back in an hour. Reads nothing when none has gone since it was asked last, at most an hour ago.
   * `kind`: these are all of that kind, and what is kept of flags under keys of another stays.
   */
  keepOnly(keys: MaildropKey[], now: number, kind?: MaildropKey["kind"]): Promise<void>;
};

/** What Postern keeps of one account's maildrop. */
export type KeptMaildrop = KeptMessages & { duplicates: DuplicateIds };

/** Of how many messages of an account headers are kept. */
export const maxKeptHeaders = 10_000;

/** Octets of a header that is kept. */
export const maxKeptHeaderOctets = 16 * 1024;

/** Flags and keywords of one message, together. */
export const maxKeptFlags = 100;

/** A key as one string, for maps and rows. */
export function maildropKeyText({ kind, value }: MaildropKey): string {
  return `${kind}:${value}`;
}

/** The key that `maildropKeyText` made the text of. */
export function maildropKeyOf(text: string): MaildropKey {
  const value = text.slice(text.indexOf(":") + 1);
  return { kind: text.startsWith("uidl:") ? "uidl" : "fingerprint", value };
}

/**
 * Whether something can be kept under the key: 1 to 264 characters of text, which are up to 255 of the server's and what tells
 * whose they are (`keptMaildrop`). RFC 1939 §7 promises 1 to 70 visible ASCII ones; servers send spaces, 8-bit and longer ones.
 */
export function canKeep({ value }: MaildropKey): boolean {
  return /^[^\p{Cc}\p{Cs}]{1,264}$/u.test(value);
}
