import type { Capabilities } from "./capabilities.ts";
import type { FlagChange, Flags } from "./flags.ts";
import type { FolderStatus, NativeFolder } from "./folder.ts";
import type { ImapPlace, NativeKey, Place, Summary } from "./message.ts";
import type { Part, PartFacts } from "./part.ts";
import type { FolderWatching, MaildropWatching } from "./watch.ts";

/** What a listing keeps. Absent means "any". Every member is honoured exactly, or the call fails. */
export type Filter = {
  unseen?: boolean | undefined;
  flagged?: boolean | undefined;
  /** Substring of the From header, by the server's search. */
  from?: string | undefined;
  subject?: string | undefined;
  /** receivedAt >= since, milliseconds; compared exactly, not by day. */
  since?: number | undefined;
  /** receivedAt < before, milliseconds. */
  before?: number | undefined;
};

/** The last message of a page: its UID; `sequence` is where it stood, a hint that saves a search. */
export type ImapPosition = { uid: number; sequence: number };

/** The last message of a page, and the next ones below it, for when that is gone: their keys as texts. */
export type MaildropPosition = { key: string; below: string[] };

export type PositionOf<P extends Place> = P extends ImapPlace ? ImapPosition : MaildropPosition;

/** A page of a folder, newest arrival (highest UID, or message number) first. */
export type Page<P extends Place = Place> = {
  limit: number;
  /** Go on below this message. Null for the first page. */
  after: PositionOf<P> | null;
};

export type Listing<P extends Place = Place> = {
  /** 0 in a maildrop. */
  uidValidity: number;
  messages: Summary<P>[];
  /** Where the next page goes on, or null at the end. */
  next: PositionOf<P> | null;
};

export type Wanted = {
  /** The raw header block, up to and with its empty line. */
  headers?: boolean;
  /** The MIME tree, also where the server tells none and the whole message must be read for it. */
  structure?: boolean;
  /** The text parts that make the body, as they are encoded; and the MIME tree as above. */
  bodies?: boolean;
};

export type Fetched<P extends Place = Place> = {
  summary: Summary<P>;
  header?: Uint8Array;
  /** Encoded octets of each text part wanted; `truncated` when a part was longer than `maxBodyBytes`. */
  bodies?: { part: Part; bytes: Uint8Array; truncated: boolean }[];
};

/** Octets `start` to `end` inclusive, counted from 0; Infinity is to the end, wherever that is. */
export type ByteRange = { start: number; end: number };

export type Moved = {
  from: ImapPlace;
  /** Null when the server did not tell and the copy could not be found without doubt. */
  to: ImapPlace | null;
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
  list(path: string, page: Page<P>, filter: Filter): Promise<Listing<P>>;
  /** The messages at these places, of one folder or several, as they are now, in this order; those that are gone are left out. */
  summaries(places: P[]): Promise<Summary<P>[]>;
  /** What has changed, for who looks again and again. */
  readonly watching: FolderWatching | MaildropWatching;
  get(place: P, wanted: Wanted): Promise<Fetched<P>>;
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
  /** The places in one folder that carry the key, lowest UID first. Only where the tier is permanent. */
  locate(path: string, key: NativeKey): Promise<ImapPlace[]>;
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
