/** The types of events (DESIGN §5). */
export const eventTypes = [
  "account.connected",
  "account.authenticationFailed",
  "account.unreachable",
  "account.recovered",
  "account.degraded",
  "account.paused",
  "account.alert",
  "account.deleted",
  "folder.created",
  "folder.renamed",
  "folder.deleted",
  "folder.reset",
  "message.created",
  "message.updated",
  "message.moved",
  "message.deleted",
  "message.bounced",
  "submission.sent",
  "submission.deferred",
  "submission.failed",
  "submission.canceled",
  "submission.uncertain",
  "webhook.disabled",
] as const;
export type EventType = (typeof eventTypes)[number];

/** Who did it: a call of the API, or anybody else. */
export type Actor = "api" | "external";

/** What may have changed about a message. */
export type MessageChange = "flags" | "keywords" | "folderIds";

/** An event as the API tells it. */
export type Event = {
  id: string;
  type: EventType;
  /** RFC 3339 UTC with milliseconds. */
  createdAt: string;
  /** Null for what is about no account: `webhook.disabled`. */
  accountId: string | null;
  externalId: string | null;
  /** Gapless per app as assigned; filters and deletions show holes. */
  sequence: number;
  data: Record<string, unknown>;
};
