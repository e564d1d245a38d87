import type { Flags } from "./flags.ts";
import type { MaildropKey } from "./maildrop.ts";
import type { ImapPlace, NativeKey, Summary } from "./message.ts";

/** How far one folder of an IMAP server has been looked at: a resume point. */
export type FolderCursor = {
  /** 0 when the server tells none. */
  uidValidity: number;
  /** Every message below this UID has been looked at. */
  uidNext: number;
  /** HIGHESTMODSEQ (RFC 7162) in decimal digits; null where the server has none. */
  modSeq: string | null;
  /** How many messages below `uidNext` there were: as long as it stays the same, none has gone. */
  exists: number;
};

/** What a snapshot remembers of a message. */
export type Fact = { uid: number; flags: Flags; keywords: string[]; key: NativeKey | null };

/** What is known of a folder, to compare with. */
export type Since = {
  cursor: FolderCursor;
  /** The UIDs that the snapshot holds, ascending; asked for only where something has gone. */
  known: () => Promise<number[]>;
  /** The lowest of them; `cursor.uidNext` where there are none. Changes below it are not asked for. */
  lowest: number;
  /** Where the server can't tell which flags have changed: of how many of the newest to read them all; 0 for none. */
  rereadFlags: number;
  /** New messages told in one look, at most. */
  limit: number;
};

/** What has changed in a folder. */
export type Look = {
  /** Where the next look goes on; everything below has been told. */
  cursor: FolderCursor;
  /** New messages from `since.cursor.uidNext` on, ascending by UID. */
  created: Summary<ImapPlace>[];
  /** There are more new ones: look again from `cursor`. */
  more: boolean;
  /** Known messages whose flags may have changed, ascending by UID, as they are now; some may be as they were. */
  changed: Fact[];
  /** Known messages that are gone, UIDs ascending. */
  vanished: number[];
  /** Whether the flags of known messages were asked for, by CHANGEDSINCE or by reading them again; else `modSeq` stays. */
  flagsRead: boolean;
};

/** A folder as it is seen for the first time. */
export type Survey = {
  cursor: FolderCursor;
  /** The newest messages below `cursor.uidNext`, ascending by UID, a thousand or so at a time. */
  facts: AsyncIterable<Fact[]>;
};

/** What a server told unasked: a hint, it may have told less than there is. */
export type News = { arrived: boolean; expunged: boolean; flags: boolean };

/** Watching folders on an IMAP session. */
export type FolderWatching = {
  kind: "folders";
  /** Null when UIDVALIDITY is another by now: nothing that is known of the folder means anything any more. */
  look(path: string, since: Since): Promise<Look | null>;
  /** The newest `window` messages of a folder. */
  survey(path: string, window: number): Promise<Survey>;
  /**
   * The lowest UID of the messages that arrived (INTERNALDATE) at `since` (milliseconds) or up to a day before; null where there
   * is none. SEARCH compares days (RFC 9051 §6.4.4).
   */
  firstSince(path: string, since: number): Promise<number | null>;
  /**
   * Waits in IDLE (RFC 2177) on a folder until the server tells news, at most `ms`; null when that has passed, the signal
   * has aborted, or another call wants the session. What came since the folder was looked at last ends the wait at once. Fails `unsupported-by-server` without
   * IDLE, and when the line dies.
   */
  waitForNews(path: string, ms: number, signal: AbortSignal): Promise<News | null>;
};

/** Watching a maildrop: it tells nothing unasked. */
export type MaildropWatching = {
  kind: "maildrop";
  /** Seconds that the server wants between two logins (LOGIN-DELAY, RFC 2449 §6.5); null when it announces none. */
  loginDelay: number | null;
  /** The server is known to give no header without its body: each that is read costs the whole message. */
  readonly bodiesOnly: boolean;
  /** All messages that the maildrop holds, oldest (lowest number) first. */
  keys(): Promise<MaildropKey[]>;
  /**
   * Reads up to `most` headers that are not kept yet, the newest first, and keeps them; `goOn` is asked every now and then. Of
   * how many messages they are known by then, of those of which they can be kept. None where the server gives no headers without
   * bodies.
   */
  keepHeaders(some: { most: number; goOn: () => boolean }): Promise<{ known: number; of: number }>;
};
