import type { EventType } from "../mail/event.ts";
import type { FolderRole } from "../mail/folder.ts";
import type { DeliveryAttempt, DeliveryState, DisabledBecause } from "../mail/webhook.ts";
import type { EventRow } from "./rows.ts";

/** Rows of webhooks and what is delivered to them. Times are milliseconds since the epoch; ids as in DESIGN §4. */

export type WebhookRow = {
  id: string;
  appId: string;
  url: string;
  description: string;
  /** Null: all. */
  types: EventType[] | null;
  /** Null: all of the app, and what is about no account. */
  accountIds: string[] | null;
  /** Null: any. Only events that are about folders are chosen by it. */
  folderRoles: FolderRole[] | null;
  /** Requests under way at once, at most. */
  maxConcurrency: number;
  /** Requests begun in a second, at most; null: any. */
  maxPerSecond: number | null;
  /** The webhook's data key, wrapped by the sealing secret. */
  sealedKey: string;
  /** The `whsec_` text. */
  sealedSecret: string;
  /** The secret before the last rotation, that signs as well until then; both null without one. */
  sealedPreviousSecret: string | null;
  previousSecretUntil: number | null;
  /** The names of its own headers, as they were given. */
  headerNames: string[];
  /** Names and values as a JSON object; null without any. */
  sealedHeaders: string | null;
  /** Null: it is enabled. */
  disabledBecause: DisabledBecause | null;
  disabledAt: number | null;
  /** When the first of the failures was since which nothing was delivered; null when the last attempt was good. */
  failingSince: number | null;
  /** Its receiver asked to be left alone until then (Retry-After); 0 otherwise. */
  holdUntil: number;
  createdAt: number;
  updatedAt: number;
  /** Counts the changes by its app. */
  version: number;
};

/** An event that is to be delivered to a webhook, or was. */
export type DeliveryRow = {
  /** Ordered by its event's time. */
  id: string;
  appId: string;
  webhookId: string;
  /** Empty for an event of no account. */
  accountId: string;
  eventId: string;
  type: EventType;
  /** Of a test: the whole event as JSON, which stands in no log. Null for all others. */
  testEvent: string | null;
  state: DeliveryState;
  /** Since it was due first, or was asked for again: its place in the schedule. */
  tries: number;
  /** All of them. */
  attemptCount: number;
  /** The last 20, oldest first. */
  attempts: DeliveryAttempt[];
  /** Null when it is over or under way. */
  nextAttemptAt: number | null;
  createdAt: number;
  finishedAt: number | null;
};

/** An event as it is told, with `data` as it was written: JSON, which whoever passes it on need not read. */
export type WrittenEvent = Pick<EventRow, "id" | "accountId" | "externalId" | "sequence" | "type" | "createdAt"> & {
  data: string;
};

/**
 * A claimed delivery: every later write names the epoch. `event` is null when its content is gone (but for tests, whose event is in
 * the row).
 */
export type DeliveryClaim = { delivery: DeliveryRow; epoch: number; event: WrittenEvent | null };
