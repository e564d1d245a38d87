import type { Capabilities, IdStability } from "../mail/capabilities.ts";
import type { FolderRole } from "../mail/folder.ts";
import type { Origin } from "../mail/id.ts";
import type { MailEnvelope } from "../mail/submitter.ts";

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
};

/** A tracked message that Postern moved: its id keeps naming the origin. */
export type PlacementRow = { accountId: string; origin: Origin; now: Origin };

/** Written before MOVE, COPY or APPEND: new UIDs >= uidNext in the folder may be ours until it expires. */
export type IntentRow = { id: string; accountId: string; folder: number; uidNext: number | null; expiresAt: number };

export type SubmissionState =
  | "scheduled"
  | "queued"
  | "sending"
  | "committing"
  | "sent"
  | "failed"
  | "canceled"
  | "uncertain";

export type RecipientRow = {
  email: string;
  state: "pending" | "accepted" | "deferred" | "rejected" | "uncertain";
  code: number | null;
  enhancedCode: string | null;
  text: string | null;
};

export type SubmissionRow = {
  id: string;
  appId: string;
  accountId: string;
  state: SubmissionState;
  /** `operationId` of the accepting route. */
  route: string;
  idempotencyKey: string;
  /** SHA-256 of the canonical request, hex. */
  fingerprint: string;
  /** The first answer's body, replayed as it was. */
  firstAnswer: unknown;
  /** Message-ID with angle brackets. */
  messageId: string;
  envelope: MailEnvelope;
  recipients: RecipientRow[];
  subject: string;
  metadata: Record<string, string>;
  warnings: string[];
  /** Null once the bytes are gone. */
  blobId: string | null;
  /** Octets. */
  size: number;
  attempts: number;
  /** Null when nothing is due. */
  nextAttemptAt: number | null;
  sendAt: number | null;
  deliverBefore: number;
  createdAt: number;
  updatedAt: number;
  finishedAt: number | null;
};

/** A claimed row: every later write names the epoch, and is refused once somebody else has claimed it. */
export type Claim = { submission: SubmissionRow; epoch: number };
