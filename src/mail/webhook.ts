import type { EventType } from "./event.ts";
import type { FolderRole } from "./folder.ts";
import type { Admitted } from "./server.ts";

/** Why a webhook gets nothing: its app says so, its receiver answered 410, or it has failed for five days. */
export type DisabledBecause = "caller" | "gone" | "failing";

/**
 * Of one event to one webhook: `pending` waits for its time, `delivering` is under way, `delivered` was answered 2xx, `failed` will
 * not be tried again, `parked` neither, because whoever worked on it died three times in a row.
 */
export const deliveryStates = ["pending", "delivering", "delivered", "failed", "parked"] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** One attempt to deliver. */
export type DeliveryAttempt = {
  /** Milliseconds since the epoch. */
  at: number;
  /** Milliseconds until the answer's head, or until it was given up. */
  durationMs: number;
  /** The answer's HTTP status; null without an answer. */
  status: number | null;
  /** What went wrong, by a code of `errors.ts` and a sentence; null when there was an answer, whichever. */
  error: { code: string; detail: string } | null;
  /** The answer's beginning as text, at most 1,000 characters; null without an answer. */
  excerpt: string | null;
};

/** A request to a receiver. It has passed the guard: `admitted` is where to connect to. */
export type WebhookRequest = {
  /** https, or http; no user name, no fragment. */
  url: URL;
  admitted: Admitted;
  headers: Record<string, string>;
  body: string;
  /** For all of it, up to the answer's head, milliseconds. */
  timeoutMs: number;
};

export type WebhookAnswer = {
  status: number;
  /** The Retry-After header as it came, or null. */
  retryAfter: string | null;
  /** From the call of `post` until the answer's head, milliseconds: whole ones. */
  headAfterMs: number;
  /** The body's beginning: at most 16 kB are read, and nothing after `timeoutMs`. */
  body: Uint8Array;
};

/** Posts to receivers of webhooks; never follows a redirect. Implemented by `webhooks/`, one for each runtime. */
export interface WebhookPoster {
  /** Fails `upstream-unreachable`, `upstream-timeout`, `tls-verification-failed` or `upstream-protocol-error`. */
  post(request: WebhookRequest): Promise<WebhookAnswer>;
  close(): void;
}

/** What an app wants to be told, and where. */
export type WebhookSettings = {
  url: string;
  description: string;
  /** Null: all types. */
  types: EventType[] | null;
  /** Null: all accounts of the app, and what is about none. */
  accountIds: string[] | null;
  /** Null: any folders. */
  folderRoles: FolderRole[] | null;
  /** Sent with each request; write-only. */
  headers: Record<string, string>;
  maxConcurrency: number;
  maxPerSecond: number | null;
  enabled: boolean;
};

export type WebhookInput = WebhookSettings & {
  /** `whsec_…`; absent: one is made. */
  secret?: string | undefined;
};

/** What is absent stays. */
export type WebhookPatch = { [Name in keyof WebhookSettings]?: WebhookSettings[Name] | undefined };

/** A webhook as the API tells it. Times are RFC 3339. */
export type Webhook = Omit<WebhookSettings, "headers" | "enabled"> & {
  id: string;
  headerNames: string[];
  state: "enabled" | "disabled";
  /** These two are null while it is enabled. */
  disabledBecause: DisabledBecause | null;
  disabledAt: string | null;
  failingSince: string | null;
  /** Null when nothing is held back. */
  holdUntil: string | null;
  /** Null when only one secret signs. */
  previousSecretUntil: string | null;
  createdAt: string;
  updatedAt: string;
};

/** A delivery as the API tells it. */
export type Delivery = {
  id: string;
  webhookId: string;
  eventId: string;
  type: EventType;
  /** Null for an event of no account. */
  accountId: string | null;
  test: boolean;
  state: DeliveryState;
  attemptCount: number;
  /** The last 20, oldest first. */
  attempts: (Omit<DeliveryAttempt, "at"> & { at: string })[];
  nextAttemptAt: string | null;
  createdAt: string;
  finishedAt: string | null;
};
