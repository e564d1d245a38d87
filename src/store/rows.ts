import type { Capabilities, IdStability } from "../mail/capabilities.ts";
import type { FolderRole } from "../mail/folder.ts";
import type { Origin } from "../mail/id.ts";
import type { EventType } from "../mail/event.ts";
import type { FlagChange } from "../mail/flags.ts";
import type { FolderCursor } from "../mail/watch.ts";

/** Rows as the repositories give and take them. Times are milliseconds since the epoch; ids as in DESIGN §4. */

export type AppRow = { id: string; name: string; createdAt: number };

export type KeyRow = {
  id: string;
  /** Null for an operator key. */
  appId: string | null;
  name: string;
  /** SHA-256 of the whole key, hex. */
  hash: string;
  /** The first characters, to recognise it by; not secret. */
  hint: string;
  scopes: string[];
  /** Null: every account of the app. */
  accountIds: string[] | null;
  expiresAt: number | null;
  createdAt: number;
};

/** A server as stored: without its password, which is sealed beside it. */
export type ServerSettings = {
  protocol: "imap" | "pop3" | "smtp";
  host: string;
  port: number;
  security: "tls" | "starttls" | "none";
  auth: { type: "password"; username: string };
  tls: { ca: string | null; servername: string | null };
  /** Messages handed to it in a minute, at most; absent: as many as its provider is known to take. */
  maxPerMinute?: number;
};

export type AccountState = "connecting" | "connected" | "degraded" | "authenticationFailed" | "unreachable" | "paused";

export type AccountRow = {
  id: string;
  appId: string;
  email: string;
  name: string | null;
  externalId: string | null;
  metadata: Record<string, string>;
  incoming: ServerSettings | null;
  outgoing: ServerSettings | null;
  /** The account's data key, wrapped by the sealing secret. */
  sealedKey: string;
  sealedIncomingPassword: string | null;
  sealedOutgoingPassword: string | null;
  /** The HMAC key of message ids: random, sealed, never rotated. */
  sealedIdKey: string;
  watch: { mode: "push" | "poll" | "off"; folders: "all" | FolderRole[]; notifySince: number | null };
  onUncertain: "hold" | "retry";
  saveToSent: "auto" | "always" | "never";
  /** Null until the first login. */
  capabilities: Capabilities | null;
  /** Null until a message was seen; then never changed by itself. */
  idStability: IdStability | null;
  state: AccountState;
  stateSince: number;
  /** Which server failed last, with code and words; no secrets. */
  lastError: { side: "incoming" | "outgoing"; code: string; detail: string; at: number } | null;
  createdAt: number;
  updatedAt: number;
  /** Counts every change by the caller; what was found out about an earlier version is not written. */
  version: number;
};

export type FolderRow = {
  id: string;
  accountId: string;
  /** Small, per account, never reused: what tracked ids carry. */
  number: number;
  path: string;
  name: string;
  parentPath: string | null;
  delimiter: string | null;
  role: FolderRole | null;
  selectable: boolean;
  uidValidity: number;
  uidNext: number | null;
  mailboxId: string | null;
  /** When it was first missing from LIST; null while it is there. */
  missingSince: number | null;
  /** When it was first seen. */
  firstSeenAt: number;
};

/** A tracked message that Postern moved: its id keeps naming the origin. */
export type PlacementRow = { accountId: string; origin: Origin; now: Origin };

/** Messages of one folder. */
export type UidsAt = {
  folder: number;
  uidValidity: number;
  uids: number[];
  /** In a maildrop they have no UIDs: the texts of their keys. */
  keys?: string[];
};

/**
 * What Postern is about to do to messages, or has done: by it the watcher tells our own doing from others' (DESIGN §4).
 * Written before MOVE, COPY, APPEND ("place"), STORE ("flags") and EXPUNGE ("remove").
 */
export type IntentRow = {
  id: string;
  accountId: string;
  kind: "place" | "flags" | "remove";
  /** The folder that messages come to, or lie in. */
  folder: number;
  /** Of "place": the folder's UIDNEXT before; new UIDs from here on may be ours until the intent is settled or expires. */
  uidNext: number | null;
  /** The messages that are moved, changed or removed; null for what comes from nowhere (APPEND). */
  source: UidsAt | null;
  /** Of "flags": the change. */
  change: FlagChange | null;
  /** Of "place": where the messages lie now; null until that is over, or when it could not be told. */
  placed: UidsAt | null;
  /** Of "place" and "remove": whether it is over. A change of flags is never waited for. */
  settled: boolean;
  createdAt: number;
  expiresAt: number;
};

export type EventRow = {
  /** Ordered by time. */
  id: string;
  appId: string;
  /** Empty for what is about no account: `webhook.disabled`. */
  accountId: string;
  externalId: string | null;
  /** Gapless per app. */
  sequence: number;
  type: EventType;
  createdAt: number;
  /** The roles of the folders that it is about, those without a role left out; null when it is not about folders. */
  folderRoles: FolderRole[] | null;
  /** Null once its account was deleted: then it is a resume point only. */
  data: Record<string, unknown> | null;
};

/** An event before it has its place in the app's log. */
export type NewEvent = Omit<EventRow, "sequence" | "data"> & { data: Record<string, unknown> };

/** Who watches an account. Every account has one. */
export type WatchRow = {
  accountId: string;
  /** Null when nobody has claimed it. */
  owner: string | null;
  /** Counts the claims and what ends them: every write of a watcher names it. */
  epoch: number;
  leaseUntil: number;
  /** When it is to be watched again; 0: at once; null: not until the account changes. */
  dueAt: number | null;
  /** When all its folders were looked at last, and how its inbox is watched; null before the first time. */
  lookedAt: number | null;
  mode: "idle" | "poll" | null;
};

/** A process among those that share the database. */
export type NodeRow = {
  /** As in claims. */
  owner: string;
  /** It is there at least until then, milliseconds since the epoch, unless it has been killed. */
  seenUntil: number;
};

/** How far one folder of an account has been looked at. */
export type WatchFolderRow = FolderCursor & {
  accountId: string;
  /** The folder's number. */
  folder: number;
  /** Counts the writes, from 1. */
  version: number;
  /** Messages below this UID that are announced were there before watching began; 0 where none are. */
  historicalBelow: number;
  /** When the flags of known messages were asked for last. */
  flagsReadAt: number;
  lastCheckedAt: number;
  /** When something was found last; null for never. */
  lastChangedAt: number | null;
  /** Of the messages below this UID, this many of the newest are still to be put into the index of threads. */
  threadsBelow: number;
  threadsLeft: number;
};

/** A piece of a folder's snapshot, at most 64 KiB; ascending `n` is ascending UID. */
export type SnapshotChunk = { n: number; entries: Uint8Array };

/** A message of the permanent tier that has gone from its folder and may turn up in another (DESIGN §6). */
export type HeldRow = {
  accountId: string;
  /** Its native key, `kind:value`. */
  key: string;
  folder: number;
  uidValidity: number;
  uid: number;
  since: number;
  /** Numbers of the folders that have to be looked at before it is called deleted. */
  waitsFor: number[];
};

/** A message that the index of threads holds. */
export type ThreadMessageRow = {
  /** The folder's number. */
  folder: number;
  uidValidity: number;
  /** In a maildrop the number of its arrival, as in the snapshot. */
  uid: number;
  /** The text of its key in a maildrop; null in a folder. */
  key: string | null;
  /** `ThreadNodes.own`: rows that have it in common are copies of one message. */
  own: string;
  thread: string;
  /** When it arrived, milliseconds; where the server does not tell, its date, or when it was seen. */
  at: number;
};

/** A thread with messages. */
export type ThreadRow = {
  id: string;
  /** The `at` of its newest message. */
  latestAt: number;
  /** Copies count once. */
  messages: number;
  latest: ThreadMessageRow;
};

/** What becomes of the index of threads; done in this order. */
export type ThreadChange = {
  /** Messages that are gone: those of these UIDs, and all below one. */
  remove: { folder: number; uids: number[]; below: number }[];
  /** Threads that turned out to be one; the loser's messages and links go to the winner, which is the loser of none. */
  merges: { loser: string; winner: string }[];
  /** New ones. */
  links: { node: string; thread: string }[];
  /** Inserted or replaced. */
  put: ThreadMessageRow[];
};
