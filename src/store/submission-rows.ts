import type { OriginalMessage, SaveToSent, SentCopy } from "../mail/submission.ts";
import type { MailEnvelope, MessageNeeds } from "../mail/submitter.ts";

/** Rows of the outbox. Times are milliseconds since the epoch. */

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
  /**
   * While the row is `committing`, "uncertain" are those whose transaction is about to end, where these are not all that are open:
   * were the worker to die now, nobody could tell of them.
   */
  state: "pending" | "accepted" | "deferred" | "rejected" | "uncertain";
  code: number | null;
  enhancedCode: string | null;
  text: string | null;
};

/**
 * What is left to be done after an attempt: `look-in-sent` finds out whether an uncertain message was sent after all, `sent-copy` puts a
 * copy into the sent folder, `flag-original` sets \Answered or $Forwarded on what was answered or forwarded.
 */
export type FollowUp = "look-in-sent" | "sent-copy" | "flag-original";

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
  /** What the message asks of the server, beyond plain ASCII. */
  needs: MessageNeeds;
  recipients: RecipientRow[];
  subject: string;
  metadata: Record<string, string>;
  /** The message that it answers or forwards. */
  original: OriginalMessage | null;
  saveToSent: SaveToSent;
  sentCopy: SentCopy | null;
  warnings: string[];
  /** Why the last attempt failed as a whole; null where it did not. */
  lastError: { code: string; detail: string } | null;
  /** Null once the bytes are gone. */
  blobId: string | null;
  /** Octets. */
  size: number;
  attempts: number;
  /** Null when nothing is due. */
  nextAttemptAt: number | null;
  sendAt: number | null;
  deliverBefore: number;
  /** What is left to be done, when it is due next (null: nothing is), and how often it was tried. */
  followUps: FollowUp[];
  followUpAt: number | null;
  followUpTries: number;
  createdAt: number;
  updatedAt: number;
  finishedAt: number | null;
};

/**
 * A claimed row: every later write names the epoch, and is refused once somebody else has claimed it. `isParked`: three workers in a row were
 * lost over it, and it is not to be tried again. `isAlone`: two were, and until it is over no other such one of the account is claimed.
 */
export type SubmissionClaim = { submission: SubmissionRow; epoch: number; isParked: boolean; isAlone: boolean };

/** What an attempt came to. */
export type SubmissionOutcome = Pick<
  SubmissionRow,
  | "state"
  | "recipients"
  | "warnings"
  | "lastError"
  | "sentCopy"
  | "attempts"
  | "nextAttemptAt"
  | "followUps"
  | "followUpAt"
  | "finishedAt"
  | "updatedAt"
>;

/** What the caller, or what was found out later, changes about a row that nobody works on. */
export type SubmissionChange = Partial<
  SubmissionOutcome & Pick<SubmissionRow, "sendAt" | "deliverBefore" | "followUpTries">
>;

/** Octets that attachments are made from, until they expire. */
export type UploadRow = {
  id: string;
  appId: string;
  accountId: string;
  blobId: string;
  filename: string;
  contentType: string;
  /** Octets. */
  size: number;
  createdAt: number;
  expiresAt: number;
};
