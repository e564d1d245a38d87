import { sqliteTable, text } from "drizzle-orm/sqlite-core";
import { json, octets, whole } from "./columns.sqlite.ts";
import type { WatchRow } from "./rows.ts";

/** The tables of what watchers know, as SQLite and D1 hold them; the rest is in `schema.sqlite.ts`. */

export const watches = sqliteTable("watches", {
  accountId: text("account_id").primaryKey(),
  owner: text("owner"),
  epoch: whole("epoch").notNull(),
  leaseUntil: whole("lease_until").notNull(),
  dueAt: whole("due_at"),
  lookedAt: whole("looked_at"),
  mode: text("mode").$type<NonNullable<WatchRow["mode"]>>(),
});

export const watchFolders = sqliteTable("watch_folders", {
  accountId: text("account_id").notNull(),
  folder: whole("folder").notNull(),
  uidValidity: whole("uid_validity").notNull(),
  uidNext: whole("uid_next").notNull(),
  /** 63 bits: more than a number holds. */
  modSeq: text("mod_seq"),
  exists: whole("message_count").notNull(),
  version: whole("version").notNull(),
  historicalBelow: whole("historical_below").notNull(),
  flagsReadAt: whole("flags_read_at").notNull(),
  lastCheckedAt: whole("last_checked_at").notNull(),
  lastChangedAt: whole("last_changed_at"),
  threadsBelow: whole("threads_below").notNull(),
  threadsLeft: whole("threads_left").notNull(),
});

export const folderSnapshots = sqliteTable("folder_snapshots", {
  accountId: text("account_id").notNull(),
  folder: whole("folder").notNull(),
  n: whole("n").notNull(),
  entries: octets("entries").notNull(),
});

export const heldKeys = sqliteTable("held_keys", {
  accountId: text("account_id").notNull(),
  key: text("key").notNull(),
  folder: whole("folder").notNull(),
  uidValidity: whole("uid_validity").notNull(),
  uid: whole("uid").notNull(),
  since: whole("since").notNull(),
  waitsFor: json<number[]>()("waits_for").notNull(),
});

export const threads = sqliteTable("threads", {
  accountId: text("account_id").notNull(),
  id: text("id").notNull(),
  /** When its newest message arrived; null when it has none any more. */
  latestAt: whole("latest_at"),
  /** When it lost its last message. */
  emptiedAt: whole("emptied_at"),
});

/** A row for each node that was seen, also for those that messages only refer to, and for threads that were merged into another. */
export const threadLinks = sqliteTable("thread_links", {
  accountId: text("account_id").notNull(),
  node: text("node").notNull(),
  thread: text("thread").notNull(),
});

export const threadMessages = sqliteTable("thread_messages", {
  accountId: text("account_id").notNull(),
  folder: whole("folder").notNull(),
  uid: whole("uid").notNull(),
  uidValidity: whole("uid_validity").notNull(),
  /** A `maildropKeyText`; null in a folder. */
  key: text("key"),
  own: text("own").notNull(),
  thread: text("thread").notNull(),
  at: whole("at").notNull(),
});
