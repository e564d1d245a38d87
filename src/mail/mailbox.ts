import type { Capabilities } from "./capabilities.ts";
import type { FlagChange } from "./flags.ts";
import type { FolderStatus, NativeFolder } from "./folder.ts";
import type { NativeKey, Place, Summary } from "./message.ts";
import type { Part } from "./part.ts";

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

/** A page of a folder, newest arrival (highest UID) first. */
export type Page = {
  limit: number;
  /** Go on below this UID; `sequence` is where it stood, a hint that saves a search. Null for the first page. */
  after: { uid: number; sequence: number } | null;
};

export type Listing = {
  uidValidity: number;
  messages: Summary[];
  /** Where the next page goes on, or null at the end. */
  next: { uid: number; sequence: number } | null;
};

export type Wanted = {
  /** The raw header block, up to and with its empty line. */
  headers?: boolean;
  /** The text parts that make the body, as they are encoded. */
  bodies?: boolean;
};

export type Fetched = {
  summary: Summary;
  header?: Uint8Array;
  /** Encoded octets of each text part wanted; `truncated` when a part was longer than `maxBodyBytes`. */
  bodies?: { part: Part; bytes: Uint8Array; truncated: boolean }[];
};

/** Octets `start` to `end` inclusive, inside the content (RFC 9110 §14.1.2, already resolved). */
export type ByteRange = { start: number; end: number };

export type Moved = {
  from: Place;
  /** Null when the server did not tell and the copy could not be found without doubt. */
  to: Place | null;
};

/**
 * The mailbox port: an open, authenticated session on an account's incoming server. Implemented by `protocols/imap`.
 * A session runs one call at a time. Every method fails with a `Failure`: `message-gone` where a single place is not there
 * any more, `not-found` where a folder is not, an upstream code where the server or the line failed.
 * A stream holds the session until it ends or is returned.
 */
export interface Mailbox {
  capabilities(): Capabilities;
  /** All folders with counts. */
  folders(): Promise<NativeFolder[]>;
  /** The folder's UIDVALIDITY, UIDNEXT and counts now. */
  status(path: string): Promise<FolderStatus>;
  list(path: string, page: Page, filter: Filter): Promise<Listing>;
  get(place: Place, wanted: Wanted): Promise<Fetched>;
  /** Raw octets as stored. `size` is the total size in octets. */
  openRaw(place: Place, range?: ByteRange): Promise<{ size: number; stream: AsyncIterable<Uint8Array> }>;
  /** A part's octets as they are encoded. */
  openPart(place: Place, section: string): Promise<AsyncIterable<Uint8Array>>;
  /** Sets, then says for each place whether it was there. A keyword the folder can't hold: `unsupported-by-server`. */
  setFlags(places: Place[], change: FlagChange): Promise<{ missing: Place[] }>;
  /** Moves all of one folder's places. `uidNext` is the target's UIDNEXT from before, to find copies by (DESIGN §4). */
  move(places: Place[], path: string, uidNext: number | null): Promise<{ moved: Moved[]; missing: Place[] }>;
  /** Removes exactly these for good. */
  remove(places: Place[]): Promise<{ missing: Place[] }>;
  /** The places in one folder that carry the key, lowest UID first. Only where the tier is permanent. */
  locate(path: string, key: NativeKey): Promise<Place[]>;
  /** Ends the session politely; never throws. */
  close(): Promise<void>;
  /** True once the connection is gone or must not be used again. */
  readonly dead: boolean;
}

/** Octets of one text part that `get` downloads at most. */
export const maxBodyBytes = 4 * 1024 * 1024;
