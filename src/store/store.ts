import type { Capabilities, IdStability } from "../mail/capabilities.ts";
import type { Origin } from "../mail/id.ts";
import type { KeptMessages } from "../mail/maildrop.ts";
import type { DeliveryStore, WebhookStore } from "./webhook-store.ts";
import type { SubmissionStore, UploadStore } from "./submission-store.ts";
import type {
  AccountRow,
  AppRow,
  EventRow,
  FolderRow,
  HeldRow,
  IntentRow,
  KeyRow,
  NewEvent,
  NodeRow,
  PlacementRow,
  SnapshotChunk,
  ThreadChange,
  ThreadMessageRow,
  ThreadRow,
  UidsAt,
  WatchFolderRow,
  WatchRow,
} from "./rows.ts";

/**
 * The store's repositories, one set for SQLite, Postgres and D1. Each method that writes is one atomic; when it resolves,
 * the write is on disk. Fails with `storage-unavailable` when the database can't be used, and with `not-found` when it
 * would add something to an account that is gone.
 */
export interface Store {
  settings: {
    get(name: string): Promise<string | null>;
    /** Writes only when the name has no value yet; returns the value that stands. */
    putOnce(name: string, value: string): Promise<string>;
    put(name: string, value: string): Promise<void>;
  };
  apps: {
    insert(app: AppRow): Promise<void>;
    get(id: string): Promise<AppRow | null>;
    list(page: { after: string | null; limit: number }): Promise<AppRow[]>;
  };
  keys: {
    insert(key: KeyRow): Promise<void>;
    byHash(hash: string): Promise<KeyRow | null>;
    get(appId: string, id: string): Promise<KeyRow | null>;
    list(appId: string, page: { after: string | null; limit: number }): Promise<KeyRow[]>;
    /** True when there was one. */
    remove(appId: string, id: string): Promise<boolean>;
  };
  accounts: {
    /**
     * False when the app already has an account with this externalId; nothing is written then. Its watch row comes with it,
     * due at once where there is something to watch: an incoming server, a mode that is not "off", a state that is not "paused".
     */
    insert(account: AccountRow): Promise<boolean>;
    get(appId: string, id: string): Promise<AccountRow | null>;
    /** By id alone; for background work. */
    byId(id: string): Promise<AccountRow | null>;
    /** Ascending by id. `ids` null means all of the app. */
    list(
      appId: string,
      page: { after: string | null; limit: number; externalId: string | null; ids: string[] | null },
    ): Promise<AccountRow[]>;
    /**
     * Writes the row when its version is still `version`, as version + 1; `createdAt`, `sealedIdKey` and `idStability` stay
     * as they stand. "exists": the externalId is taken. Whoever watches the account loses his claim, and it is due at once
     * where there is something to watch. `anew`: its mailbox is another one, of which nothing is known yet; what was known of
     * folders and their messages goes in the same atomic, but for what is kept of a maildrop. Folder numbers go on, so that
     * no tracked id of the old mailbox names a message of the new one.
     */
    update(row: AccountRow, version: number, how?: { anew: boolean }): Promise<"updated" | "stale" | "exists">;
    /**
     * Removes the account, every row and blob of it, the content of its events and their deliveries, and appends `deleted`, in one atomic. True
     * when there was one.
     */
    remove(appId: string, id: string, deleted: NewEvent): Promise<boolean>;
    /** The wrapped data keys of all apps' accounts, ascending by id; for a rotation of the sealing secret. */
    sealedKeys(page: {
      after: string | null;
      limit: number;
    }): Promise<Pick<AccountRow, "id" | "appId" | "sealedKey">[]>;
    /** Writes a key that was wrapped anew, unless another one has come in its place. */
    rewrap(id: string, before: string, sealedKey: string): Promise<void>;
    setCapabilities(id: string, capabilities: Capabilities): Promise<void>;
    /** Sets the tier where none is set yet; returns the one that stands. */
    decideIdStability(id: string, stability: IdStability): Promise<IdStability>;
    /**
     * Leaves `stateSince` alone when the state is unchanged, and everything when the account has been changed since: what
     * was found out is about the version that was read. Does not count as a change, but for "paused", lest a login that is under way end
     * the pause. `event` is appended in the same atomic where
     * the state becomes another. True when it did. "paused" ends the claim of whoever watches the account. The state after it,
     * or after "authenticationFailed", makes it due at once and ends the claim of who has seen it before.
     */
    setState(
      account: Pick<AccountRow, "id" | "version">,
      state: Pick<AccountRow, "state" | "lastError">,
      now: number,
      event: NewEvent | null,
    ): Promise<boolean>;
  };
  folders: {
    /** Of one account, ascending by number, missing ones included. */
    list(accountId: string): Promise<FolderRow[]>;
    get(accountId: string, id: string): Promise<FolderRow | null>;
    /**
     * Writes what a LIST changed, in one atomic. New rows get the next numbers of the account, never a used one;
     * a path that another request added meanwhile keeps the row that stands. Paths may be swapped; a changed row whose
     * new path is held by a row that keeps it is left as it is. `removed` are the ids of folders that are gone for good:
     * their rows go first, and with them what remembered messages that had been moved there. `told` are events for the same
     * atomic; false, and nothing is written, where the folders are not at its version any more.
     */
    save(
      accountId: string,
      change: {
        added: Omit<FolderRow, "number">[];
        changed: FolderRow[];
        removed?: string[];
        told?: { version: number; events: NewEvent[] };
      },
    ): Promise<boolean>;
    /** Counts the account's saves. */
    version(accountId: string): Promise<number>;
  };
  placements: {
    /** By origin. */
    find(accountId: string, origins: Origin[]): Promise<PlacementRow[]>;
    /** By where the messages are now: translates listings back to ids. */
    at(accountId: string, places: Origin[]): Promise<PlacementRow[]>;
    /** Inserts or replaces by origin, in one atomic. */
    save(rows: PlacementRow[]): Promise<void>;
    /** Forgets messages that are where the rows say no more, in one atomic; a row that was written meanwhile stays. */
    remove(...rows: PlacementRow[]): Promise<void>;
  };
  splitKeys: {
    /** Which of these native keys (`kind:value`) stand twice in a folder and get tracked ids. */
    among(accountId: string, keys: string[]): Promise<Set<string>>;
    /** All of the account's. Of a POP3 account they are texts of unique-ids, up to some thousands. */
    all(accountId: string): Promise<Set<string>>;
    add(accountId: string, keys: string[]): Promise<void>;
  };
  intents: {
    insert(intent: IntentRow): Promise<void>;
    /** Those of "place" that are not over: what comes now may be theirs. */
    live(accountId: string, now: number): Promise<IntentRow[]>;
    /** All that have not expired. */
    list(accountId: string, now: number): Promise<IntentRow[]>;
    /**
     * One of "place" or "remove" is over: where the messages lie, and until when that is remembered. The rows of tracked messages that were moved by it
     * are written in the same atomic (as `placements.save`). `source` takes the place of what it was begun with; absent: that stays.
     */
    settle(
      id: string,
      over: { source?: UidsAt | null; placed: UidsAt | null; expiresAt: number; placements: PlacementRow[] },
    ): Promise<void>;
    remove(ids: string[]): Promise<void>;
    /**
     * Removes those that expired by `now`, and those of "place" that are over and that the watcher has told: their account was looked
     * at as a whole half an hour after they began, or later. Returns how many.
     */
    sweep(now: number): Promise<number>;
  };
  events: {
    /** Ascending by sequence, from `after` (exclusive) on; without those whose content is gone. */
    list(
      appId: string,
      page: { after: number; limit: number; types: string[] | null; accountIds: string[] | null },
    ): Promise<EventRow[]>;
    /** The sequence of an event that is still kept, also without its content; null for others and other apps'. */
    sequenceOf(appId: string, id: string): Promise<number | null>;
    /** The sequences of the app's newest event ever (0 before the first) and of the oldest that is kept (null for none). */
    bounds(appId: string): Promise<{ newest: number; oldest: number | null }>;
    /**
     * Removes those of before `before`; returns how many. Of each app only what comes before all that is kept: clocks of several
     * processes differ, and a log that is read on from a place must have no hole behind it.
     */
    sweep(before: number): Promise<number>;
  };
  nodes: {
    /**
     * Writes that the process is there until `leaseMs` from `now`. All that are written down then: itself, others that are there, and those that
     * went without a word in the last hour.
     */
    beat(owner: string, now: number, leaseMs: number): Promise<NodeRow[]>;
    /** It is there no more. */
    leave(owner: string): Promise<void>;
  };
  watches: {
    /**
     * Claims up to `limit` accounts that are due and that nobody watches, each by one atomic update: owner, lease, epoch + 1.
     */
    claim(owner: string, now: number, leaseMs: number, limit: number): Promise<{ accountId: string; epoch: number }[]>;
    /** Extends all leases of the owner, also ones that have run out and were not taken over; what he holds then. */
    renew(owner: string, now: number, leaseMs: number): Promise<{ accountId: string; epoch: number }[]>;
    /** What the owner holds, also what has run out and was not taken over. */
    claimsOf(owner: string): Promise<{ accountId: string; epoch: number }[]>;
    /** How many accounts are claimed, or wait to be. */
    count(): Promise<number>;
    /** Gives an account back while the epoch holds; it is due again at `dueAt` (null: not until the account changes). */
    release(accountId: string, epoch: number, dueAt: number | null): Promise<void>;
    /** Makes an account due at once that nobody watches; whoever watches it is left alone. */
    poke(accountId: string): Promise<void>;
    /** When the next account is due or the next lease runs out that is not `owner`'s, or null. May be in the past. */
    nextDueAt(owner: string): Promise<number | null>;
    get(accountId: string): Promise<WatchRow | null>;
    /** Notes when accounts were looked at, while their epochs hold; one atomic for all. */
    noteLooks(looks: { accountId: string; epoch: number; lookedAt: number; mode: "idle" | "poll" }[]): Promise<void>;
    /** Ascending by folder. */
    folders(accountId: string): Promise<WatchFolderRow[]>;
    /** A folder's snapshot, ascending by `n`. */
    chunks(accountId: string, folder: number): Promise<SnapshotChunk[]>;
    held(accountId: string): Promise<HeldRow[]>;
    /**
     * What a look found, in one atomic: all of it or nothing. False when the epoch is another, or a folder row is not the
     * successor (version + 1, or 1) of the one that stands.
     */
    write(account: { id: string; appId: string; epoch: number }, change: WatchChange): Promise<boolean>;
  };
  /** Which conversations the messages of watched folders make; written by `watches.write`. */
  threads: {
    /** The threads of those of the nodes (mail/thread.ts) that are linked to one. A thread that was merged into another is a node of that one. */
    of(accountId: string, nodes: Iterable<string>): Promise<Map<string, string>>;
    /** When the first message of each of these threads arrived; one without messages is absent. */
    earliest(accountId: string, threads: string[]): Promise<Map<string, number>>;
    /** Those with messages, newest `latestAt` first, of several at one time the greatest id; with a folder's number those with messages in it. */
    list(
      accountId: string,
      page: { after: { at: number; id: string } | null; limit: number; folder: number | null },
    ): Promise<ThreadRow[]>;
    /** The messages of these threads, oldest first. */
    messages(accountId: string, threads: string[]): Promise<ThreadMessageRow[]>;
    /** The newest messages of a thread, newest first, and how many it has, copies counted once; 0 where there is no such thread. */
    newest(accountId: string, thread: string, limit: number): Promise<{ messages: number; rows: ThreadMessageRow[] }>;
    /** Of each of these threads the newest messages, at most `limit`, each thread's newest first. */
    newestOfEach(accountId: string, threads: string[], limit: number): Promise<ThreadMessageRow[]>;
    /** The numbers of the folders in which these threads have messages; one without messages is absent. */
    folders(accountId: string, threads: string[]): Promise<Map<string, number[]>>;
    /** How many messages of each folder are in the index, by the folder's number; one without is absent. */
    counts(accountId: string): Promise<Map<number, number>>;
  };
  maildrops: {
    /** What is kept of an account's maildrop, whichever that was; asks for nothing by itself. */
    of(accountId: string): KeptMessages;
  };
  blobs: {
    /** Writes chunks of at most 512 KiB as they come; nothing refers to it yet, and it expires an hour after `now`. */
    write(blobId: string, accountId: string, bytes: AsyncIterable<Uint8Array>, now: number): Promise<{ size: number }>;
    /** One chunk at a time; fails `not-found` when the blob is gone. */
    read(blobId: string): AsyncIterable<Uint8Array>;
    /** Removes unreferenced blobs that expired before `now`; returns how many. */
    sweep(now: number): Promise<number>;
  };
  submissions: SubmissionStore;
  uploads: UploadStore;
  webhooks: WebhookStore;
  deliveries: DeliveryStore;
  /**
   * The database's time, milliseconds since the epoch, where several processes share it and each has a clock of its own; else null.
   * Fails `storage-unavailable`.
   */
  now: (() => Promise<number>) | null;
  /** Resolves when the database answers; for /readyz. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export type WatchChange = {
  /** Inserted or replaced. */
  folders?: WatchFolderRow[];
  /** Numbers of folders that are watched no more: their rows and snapshots go. */
  unwatched?: number[];
  /** Pieces of one folder's snapshot; `clear` removes all that stand first. */
  chunks?: { folder: number; clear: boolean; put: SnapshotChunk[]; remove: number[] };
  /** Held messages to insert or replace, and the keys of those to forget. */
  held?: { put: HeldRow[]; remove: string[] };
  /** Tracked messages that are gone, by their places now: what remembers that they were moved goes. */
  placements?: { remove: Origin[] };
  /** Goes with the messages that `chunks` and `events` tell of. All of a folder goes with `unwatched`, and with `clear`. */
  threads?: ThreadChange;
  /** Milliseconds: the time from which threads that have lost their last message are remembered for a day more. */
  at?: number;
  /** Appended in this order. */
  events?: NewEvent[];
};
