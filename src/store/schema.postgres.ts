import { pgTable, text } from "drizzle-orm/pg-core";
import type { Capabilities, IdStability } from "../mail/capabilities.ts";
import type { EventType } from "../mail/event.ts";
import type { FlagChange } from "../mail/flags.ts";
import type { FolderRole } from "../mail/folder.ts";
import type { OriginalMessage, SaveToSent, SentCopy } from "../mail/submission.ts";
import type { MailEnvelope, MessageNeeds } from "../mail/submitter.ts";
import type { DeliveryAttempt, DeliveryState, DisabledBecause } from "../mail/webhook.ts";
import { claim, flag, json, octets, tags, whole } from "./columns.postgres.ts";
import type { AccountRow, AccountState, IntentRow, ServerSettings, UidsAt } from "./rows.ts";
import type { FollowUp, RecipientRow, SubmissionRow, SubmissionState } from "./submission-rows.ts";

/** The tables as Postgres holds them: the shape of `schema.sqlite.ts`, which explains the columns; `parity.ts` checks it. */

export const settings = pgTable("settings", { name: text("name").primaryKey(), value: text("value").notNull() });

export const fences = pgTable("fences", { ok: whole("ok").notNull() });

export const apps = pgTable("apps", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  createdAt: whole("created_at").notNull(),
  lastSequence: whole("last_sequence").notNull(),
});

export const keys = pgTable("keys", {
  id: text("id").primaryKey(),
  appId: text("app_id"),
  name: text("name").notNull(),
  hash: text("hash").notNull(),
  hint: text("hint").notNull(),
  scopes: json<string[]>()("scopes").notNull(),
  accountIds: json<string[]>()("account_ids"),
  expiresAt: whole("expires_at"),
  createdAt: whole("created_at").notNull(),
});

export const accounts = pgTable("accounts", {
  id: text("id").primaryKey(),
  appId: text("app_id").notNull(),
  email: text("email").notNull(),
  name: text("name"),
  externalId: text("external_id"),
  metadata: json<Record<string, string>>()("metadata").notNull(),
  incoming: json<ServerSettings>()("incoming"),
  outgoing: json<ServerSettings>()("outgoing"),
  sealedKey: text("sealed_key").notNull(),
  sealedIncomingPassword: text("sealed_incoming_password"),
  sealedOutgoingPassword: text("sealed_outgoing_password"),
  sealedIdKey: text("sealed_id_key").notNull(),
  watch: json<AccountRow["watch"]>()("watch").notNull(),
  onUncertain: text("on_uncertain").$type<AccountRow["onUncertain"]>().notNull(),
  saveToSent: text("save_to_sent").$type<AccountRow["saveToSent"]>().notNull(),
  capabilities: json<Capabilities>()("capabilities"),
  idStability: text("id_stability").$type<IdStability>(),
  state: text("state").$type<AccountState>().notNull(),
  stateSince: whole("state_since").notNull(),
  lastError: json<NonNullable<AccountRow["lastError"]>>()("last_error"),
  createdAt: whole("created_at").notNull(),
  updatedAt: whole("updated_at").notNull(),
  version: whole("version").notNull(),
  lastFolderNumber: whole("last_folder_number").notNull(),
  /** Counts the writes of its folders. */
  foldersVersion: whole("folders_version").notNull(),
});

export const folders = pgTable("folders", {
  id: text("id").primaryKey(),
  accountId: text("account_id").notNull(),
  number: whole("number").notNull(),
  path: text("path").notNull(),
  name: text("name").notNull(),
  parentPath: text("parent_path"),
  delimiter: text("delimiter"),
  role: text("role").$type<FolderRole>(),
  selectable: flag("selectable").notNull(),
  uidValidity: whole("uid_validity").notNull(),
  uidNext: whole("uid_next"),
  mailboxId: text("mailbox_id"),
  missingSince: whole("missing_since"),
  firstSeenAt: whole("first_seen_at").notNull(),
});

export const placements = pgTable("placements", {
  accountId: text("account_id").notNull(),
  originFolder: whole("origin_folder").notNull(),
  originUidValidity: whole("origin_uid_validity").notNull(),
  originUid: whole("origin_uid").notNull(),
  nowFolder: whole("now_folder").notNull(),
  nowUidValidity: whole("now_uid_validity").notNull(),
  nowUid: whole("now_uid").notNull(),
});

export const splitKeys = pgTable("split_keys", {
  accountId: text("account_id").notNull(),
  key: text("key").notNull(),
});

export const intents = pgTable("intents", {
  id: text("id").primaryKey(),
  accountId: text("account_id").notNull(),
  kind: text("kind").$type<IntentRow["kind"]>().notNull(),
  folder: whole("folder").notNull(),
  uidNext: whole("uid_next"),
  source: json<UidsAt>()("source"),
  change: json<FlagChange>()("change"),
  placed: json<UidsAt>()("placed"),
  settled: flag("settled").notNull(),
  createdAt: whole("created_at").notNull(),
  expiresAt: whole("expires_at").notNull(),
});

export const events = pgTable("events", {
  id: text("id").primaryKey(),
  appId: text("app_id").notNull(),
  accountId: text("account_id").notNull(),
  externalId: text("external_id"),
  sequence: whole("sequence").notNull(),
  type: text("type").$type<EventType>().notNull(),
  createdAt: whole("created_at").notNull(),
  data: json<Record<string, unknown>>()("data"),
  folderRoles: tags<FolderRole>()("folder_roles"),
});

export const maildropHeaders = pgTable("maildrop_headers", {
  accountId: text("account_id").notNull(),
  key: text("key").notNull(),
  size: whole("size").notNull(),
  header: octets("header").notNull(),
});

export const maildropFlags = pgTable("maildrop_flags", {
  accountId: text("account_id").notNull(),
  key: text("key").notNull(),
  flag: text("flag").notNull(),
  name: text("name").notNull(),
  missingSince: whole("missing_since"),
});

export const blobs = pgTable("blobs", {
  id: text("id").primaryKey(),
  accountId: text("account_id").notNull(),
  size: whole("size").notNull(),
  expiresAt: whole("expires_at"),
});

export const blobChunks = pgTable("blob_chunks", {
  blobId: text("blob_id").notNull(),
  n: whole("n").notNull(),
  bytes: octets("bytes").notNull(),
});

export const submissions = pgTable("submissions", {
  id: text("id").primaryKey(),
  appId: text("app_id").notNull(),
  accountId: text("account_id").notNull(),
  state: text("state").$type<SubmissionState>().notNull(),
  route: text("route").notNull(),
  idempotencyKey: text("idempotency_key").notNull(),
  fingerprint: text("fingerprint").notNull(),
  firstAnswer: json<unknown>()("first_answer"),
  messageId: text("message_id").notNull(),
  envelope: json<MailEnvelope>()("envelope").notNull(),
  recipients: json<RecipientRow[]>()("recipients").notNull(),
  subject: text("subject").notNull(),
  metadata: json<Record<string, string>>()("metadata").notNull(),
  warnings: json<string[]>()("warnings").notNull(),
  blobId: text("blob_id"),
  size: whole("size").notNull(),
  attempts: whole("attempts").notNull(),
  nextAttemptAt: whole("next_attempt_at"),
  sendAt: whole("send_at"),
  deliverBefore: whole("deliver_before").notNull(),
  createdAt: whole("created_at").notNull(),
  updatedAt: whole("updated_at").notNull(),
  finishedAt: whole("finished_at"),
  ...claim,
  needs: json<MessageNeeds>()("needs").notNull(),
  original: json<OriginalMessage>()("original"),
  saveToSent: text("save_to_sent").$type<SaveToSent>().notNull(),
  sentCopy: text("sent_copy").$type<SentCopy>(),
  lastError: json<NonNullable<SubmissionRow["lastError"]>>()("last_error"),
  followUps: json<FollowUp[]>()("follow_ups").notNull(),
  followUpAt: whole("follow_up_at"),
  followUpTries: whole("follow_up_tries").notNull(),
});

export const uploads = pgTable("uploads", {
  id: text("id").primaryKey(),
  appId: text("app_id").notNull(),
  accountId: text("account_id").notNull(),
  blobId: text("blob_id").notNull(),
  filename: text("filename").notNull(),
  contentType: text("content_type").notNull(),
  size: whole("size").notNull(),
  createdAt: whole("created_at").notNull(),
  expiresAt: whole("expires_at").notNull(),
});

export const webhooks = pgTable("webhooks", {
  id: text("id").primaryKey(),
  appId: text("app_id").notNull(),
  url: text("url").notNull(),
  description: text("description").notNull(),
  types: tags<EventType>()("types"),
  accountIds: tags<string>()("account_ids"),
  folderRoles: tags<FolderRole>()("folder_roles"),
  maxConcurrency: whole("max_concurrency").notNull(),
  maxPerSecond: whole("max_per_second"),
  sealedKey: text("sealed_key").notNull(),
  sealedSecret: text("sealed_secret").notNull(),
  sealedPreviousSecret: text("sealed_previous_secret"),
  previousSecretUntil: whole("previous_secret_until"),
  headerNames: json<string[]>()("header_names").notNull(),
  sealedHeaders: text("sealed_headers"),
  disabledBecause: text("disabled_because").$type<DisabledBecause>(),
  disabledAt: whole("disabled_at"),
  failingSince: whole("failing_since"),
  holdUntil: whole("hold_until").notNull(),
  createdAt: whole("created_at").notNull(),
  updatedAt: whole("updated_at").notNull(),
  version: whole("version").notNull(),
});

export const deliveries = pgTable("deliveries", {
  id: text("id").primaryKey(),
  appId: text("app_id").notNull(),
  webhookId: text("webhook_id").notNull(),
  accountId: text("account_id").notNull(),
  eventId: text("event_id").notNull(),
  type: text("type").$type<EventType>().notNull(),
  testEvent: text("test_event"),
  state: text("state").$type<DeliveryState>().notNull(),
  tries: whole("tries").notNull(),
  attemptCount: whole("attempt_count").notNull(),
  attempts: json<DeliveryAttempt[]>()("attempts").notNull(),
  nextAttemptAt: whole("next_attempt_at"),
  createdAt: whole("created_at").notNull(),
  finishedAt: whole("finished_at"),
  ...claim,
});

export const nodes = pgTable("nodes", { owner: text("owner").primaryKey(), seenUntil: whole("seen_until").notNull() });
