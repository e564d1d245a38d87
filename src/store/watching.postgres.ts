import { pgTable, text } from "drizzle-orm/pg-core";
import { json, octets, whole } from "./columns.postgres.ts";
import type { WatchRow } from "./rows.ts";

/** The tables of what watchers know, as Postgres holds them: the shape of `watching.sqlite.ts`, which explains the columns. */

export const watches = pgTable("watches", {
  accountId: text("account_id").primaryKey(),
  owner: text("owner"),
  epoch: whole("epoch").notNull(),
  leaseUntil: whole("lease_until").notNull(),
  dueAt: whole("due_at"),
  lookedAt: whole("looked_at"),
  mode: text("mode").$type<NonNullable<WatchRow["mode"]>>(),
});

export const watchFolders = pgTable("watch_folders", {
  accountId: text("account_id").notNull(),
  folder: whole("folder").notNull(),
  uidValidity: whole("uid_validity").notNull(),
  uidNext: whole("uid_next").notNull(),
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

export const folderSnapshots = pgTable("folder_snapshots", {
  accountId: text("account_id").notNull(),
  folder: whole("folder").notNull(),
  n: whole("n").notNull(),
  entries: octets("entries").notNull(),
});

export const heldKeys = pgTable("held_keys", {
  accountId: text("account_id").notNull(),
  key: text("key").notNull(),
  folder: whole("folder").notNull(),
  uidValidity: whole("uid_validity").notNull(),
  uid: whole("uid").notNull(),
  since: whole("since").notNull(),
  waitsFor: json<number[]>()("waits_for").notNull(),
});

export const threads = pgTable("threads", {
  accountId: text("account_id").notNull(),
  id: text("id").notNull(),
  latestAt: whole("latest_at"),
  emptiedAt: whole("emptied_at"),
});

export const threadLinks = pgTable("thread_links", {
  accountId: text("account_id").notNull(),
  node: text("node").notNull(),
  thread: text("thread").notNull(),
});

export const threadMessages = pgTable("thread_messages", {
  accountId: text("account_id").notNull(),
  folder: whole("folder").notNull(),
  uid: whole("uid").notNull(),
  uidValidity: whole("uid_validity").notNull(),
  key: text("key"),
  own: text("own").notNull(),
  thread: text("thread").notNull(),
  at: whole("at").notNull(),
});
