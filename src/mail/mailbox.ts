import type { Capabilities } from "./capabilities.ts";
import type { Failure } from "../errors.ts";
import type { FlagChange, Flags } from "./flags.ts";
import type { FolderStatus, NativeFolder } from "./folder.ts";
import type { ImapPlace, NativeKey, Place, Summary } from "./message.ts";
import type { Part, PartFacts } from "./part.ts";
import type { Expression } from "./search.ts";
import type { FolderWatching, MaildropWatching } from "./watch.ts";

/** The last message of a page: its UID; `sequence` is where it stood, a hint that saves a search. */
export type ImapPosition = { uid: number; sequence: number };

/** The last message of a page, and the next ones below it, for when that is gone: their keys as texts. */
export type MaildropPosition = { key: string; below: string[] };

export type PositionOf<P extends Place> = P extends ImapPlace ? ImapPosition : MaildropPosition;

/** A page of a folder, newest arrival (highest UID, or message number) first unless `order` is "oldest". */
export type Page<P extends Place = Place> = {
  limit: number;
  /** Go on behind this message. Null for the first page. */
  after: PositionOf<P> | null;
  /** "oldest" is for `search` and `heads` only. */
  order?: "newest" | "oldest";
};

export type Listing<P extends Place = Place> = {
  /** 0 in a maildrop. */
  uidValidity: number;
  messages: Summary<P>[];
  /** Where the next page goes on, or null at the end. */
  next: PositionOf<P> | null;
};

/** What is looked for in one folder, and how. */
export type Search = {
  /** Settled: without `inFolder` (`settle` in mail/search.ts). */
  expression: Expression;
  /** Whether all that match are to be counted. */
  count: boolean;
  /** When to give up, milliseconds since the epoch by the port's clock: `upstream-timeout`, and the session is dead. */
  until: number;
};

/** How a search was answered. */
export type SearchAnswer = {
  /** Who decided: nobody had to, the mail server's own search, or we by the headers. */
  engine: "none" | "server" | "headers";
  /** What matches is just what `matchSearch` says; false where text is found as the server sees fit. */
  exact: boolean;
  /** Messages that were passed over, since nobody could tell whether they match. */
  undecided: number;
  /** How many match; only where that was asked and can be told. */
  total?: number;
  /** Of how many of the folder's messages that was known which decides; absent where all. */
  coverage?: { known: number; of: number };
};

/** A page of what matches. It may be short, or empty, and go on all the same: `next` alone tells the end. */
export type Matches<P extends Place = Place> = Listing<P> & { answer: SearchAnswer };

/** The same without what a listing tells of messages, for who puts several folders together. */
export type Heads<P extends Place = Place> = Omit<Matches<P>, "messages"> & {
  /** `receivedAt` in milliseconds, or null; `summary` where all of it was at hand. */
  heads: { place: P; receivedAt: number | null; summary?: Summary<P> }[];
};

export type Wanted = {
  /** The raw header block, up to and with its empty line. */
  headers?: boolean;
  /** The MIME tree, also where the server tells none and the whole message must be read for it. */
  structure?: boolean;
  /** The text parts that make the body, and the first text/calendar part, as they are encoded; and the MIME tree as above. */
  bodies?: boolean;
};

/** The first octets of a part, as they are encoded; `truncated` when it goes on behind them. */
export type PartOctets = { part: Part; bytes: Uint8Array; truncated: boolean };

export type Fetched<P extends Place = Place> = {
  summary: Summary<P>;
  header?: Uint8Array;
  /** Each of the parts wanted; of a text `maxBodyBytes` at most. */
  bodies?: PartOctets[];
};

/** Octets `start` to `end` inclusive, counted from 0; Infinity is to the end, wherever that is. */
export type ByteRange = { start: number; end: number };

export type Moved = {
  from: ImapPlace;
  /** Null when the server did not tell and the copy could not be found without doubt. */
  to: ImapPlace | null;
};

/** A place that was found by a key that its message carries. */
export type Located = { key: NativeKey; place: ImapPlace };

/** A message that is there, by its place. */
export type Identity<P extends Place = Place> = {
  place: P;
  /** Null on the tracked tier, and in a maildrop. */
  key: NativeKey | null;
  /** What every change of it fails with; absent: nothing. */
  unfit?: Failure;
};

/** Where a folder is to go; absent: it stays where it is, or keeps its name. */
export type FolderTarget = {
  /** Raw path; null is the top of the user's own folders. */
  parent?: string | null;
  name?: string;
};

/** What a message is stored with. */
export type AppendWith = {
  flags: (keyof Flags)[];
  keywords: string[];
  /** INTERNALDATE, milliseconds, cut to whole seconds; null: when the server stores it. */
  receivedAt: number | null;
};

/**
 * The mailbox port: an open, authenticated session on an account's incoming server. Implemented by `protocols/imap`.
 * A session runs one call at a time, in the order of the calls. Every method fails with a `Failure`: `message-gone` where
 * a single place is not there any more, `not-found` where a folder is not, an upstream code where the server or the line
 * failed.
 * A stream is a call for each of its pieces: others run between them. It fails, and never just ends, when its message is gone
 * before it has been told whole.
 */
export interface Mailbox<P extends Place = Place> {
  capabilities(): Capabilities;
  /** All folders with counts. */
  folders(): Promise<NativeFolder[]>;
  /** The folder's UIDVALIDITY, UIDNEXT and counts now. */
  status(path: string): Promise<FolderStatus>;
  /** Newest arrival first. */
  list(path: string, page: Page<P>): Promise<Listing<P>>;
  /**
   * A page of the messages that match, in the page's order. `unsupported-by-protocol` or `unsupported-by-server` for a
   * predicate that can't be decided here at all, which it names; `upstream-timeout` when it takes too long.
   */
  search(path: string, page: Page<P>, search: Search): Promise<Matches<P>>;
  heads(path: string, page: Page<P>, search: Search): Promise<Heads<P>>;
  /** The messages at these places, of one folder or several, as they are now, in this order; those that are gone are left out. */
  summaries(places: P[]): Promise<Summary<P>[]>;
  /** What has changed, for who looks again and again. */
  readonly watching: FolderWatching | MaildropWatching;
  get(place: P, wanted: Wanted): Promise<Fetched<P>>;
  /**
   * The first `octets` of the text that each message begins with (`previewPart` in mime/), in few commands; null where it has
   * none, is gone, or could be had only by reading the whole of it (a maildrop without TOP).
   */
  beginnings(messages: Summary<P>[], octets: number): Promise<(PartOctets | null)[]>;
  /** The header blocks of messages, `octets` of each at most; null where one is gone, or the server does not give it. */
  headers(places: P[], octets: number): Promise<(Uint8Array | null)[]>;
  /** Parts of one message, of its structure as `get` told it, `length` octets of each at most; none of what the message does not have. */
  parts(place: P, wanted: { part: Part; length: number }[]): Promise<PartOctets[]>;
  /** Raw octets as stored. `size` is the total size in octets, as the server tells. */
  openRaw(place: P, range?: ByteRange): Promise<{ size: number; stream: AsyncIterable<Uint8Array> }>;
  /**
   * A part that is an attachment (`attachments` in mime/walk), with its octets as they are encoded: as many as `choose` says
   * once it is known what the part is; null, and no stream, for none. Fails `not-found` for any other part.
   */
  openAttachment(
    place: P,
    section: string,
    choose?: (part: PartFacts) => ByteRange | null,
  ): Promise<{ part: PartFacts; stream: AsyncIterable<Uint8Array> | null }>;
  /** Sets, then says for each place whether it was there. A keyword the folder can't hold: `unsupported-by-server`. */
  setFlags(places: P[], change: FlagChange): Promise<{ missing: P[] }>;
  /**
   * Moves all of one folder's places. `uidNext` is the target's UIDNEXT from before, to find copies by (DESIGN §4). What the
   * server left behind while it moved others is in neither list.
   */
  move(places: ImapPlace[], path: string, uidNext: number | null): Promise<{ moved: Moved[]; missing: ImapPlace[] }>;
  /** Removes exactly these for good. */
  remove(places: P[]): Promise<{ missing: P[] }>;
  /** The places in one folder that carry any of the keys, lowest UID first. Only where the tier is permanent. */
  locate(path: string, keys: NativeKey[]): Promise<Located[]>;
  /** What names the messages at these places, of one folder or several, in this order; those that are gone are left out. */
  identities(places: P[]): Promise<Identity<P>[]>;
  /**
   * The places in one folder whose Message-ID header is this one (angle brackets), highest UID first. None in a maildrop, which has no folder
   * but the inbox.
   */
  withMessageId(path: string, messageId: string): Promise<P[]>;
  /** Settles when no call runs any more, also none that a stream had begun when it was left; null when none runs. */
  readonly unfinished: Promise<unknown> | null;
  /**
   * Stores a message, CRLF lines without NUL, and tells where it lies; null where the server does not say and it can't be
   * found without doubt among what is new since `uidNext` (the folder's UIDNEXT from before). `message-too-large`,
   * `refused-by-server`, `unsupported-by-server`; a failure with `stored: "unknown"` may have stored it.
   */
  append(path: string, message: Uint8Array, options: AppendWith, uidNext: number | null): Promise<ImapPlace | null>;
  /**
   * Makes a folder below `parent` (raw path; null: at the top), subscribed; its raw path. `folder-exists`,
   * `refused-by-server`.
   */
  createFolder(parent: string | null, name: string): Promise<string>;
  /**
   * Renames or moves a folder with those below it; its raw path now. `folder-protected`, `folder-exists`,
   * `refused-by-server`.
   */
  renameFolder(path: string, to: FolderTarget): Promise<string>;
  /** Deletes a folder and its mail. `folder-protected` where it has folders below it. */
  deleteFolder(path: string): Promise<void>;
  subscribeFolder(path: string, subscribed: boolean): Promise<void>;
  /**
   * What the server wanted the user to see (IMAP's ALERT, RFC 3501 §7.1) since the last call, also of a session that has ended: at
   * most 10 texts, each of one line of at most 500 characters. POP3 has none.
   */
  alerts(): string[];
  /** Ends the session politely; never throws. */
  close(): Promise<void>;
  /** True once the connection is gone or must not be used again. */
  readonly dead: boolean;
}

/** Octets of one text part that `get` downloads at most. */
export const maxBodyBytes = 4 * 1024 * 1024;
