import type { Address } from "./address.ts";
import type { MailEnvelope } from "./submitter.ts";

export type AttachmentInput = {
  filename: string;
  contentType: string;
  /** Base64 (RFC 4648 §4). */
  content: string;
  contentId?: string | undefined;
  inline?: boolean | undefined;
};

/** What POST A/submissions takes, validated: no CR, LF or NUL in any header value. */
export type SubmissionInput = {
  from?: Address | undefined;
  to: Address[];
  cc: Address[];
  bcc: Address[];
  replyTo: Address[];
  subject: string;
  text?: string | undefined;
  html?: string | undefined;
  attachments: AttachmentInput[];
  headers: { name: string; value: string }[];
  /** RFC 3339. */
  sendAt?: string | undefined;
  deliverBefore?: string | undefined;
  metadata: Record<string, string>;
};

/** A submission as the API tells it. Times are RFC 3339 UTC with milliseconds. */
export type Submission = {
  id: string;
  accountId: string;
  state: "scheduled" | "queued" | "sending" | "sent" | "failed" | "canceled" | "uncertain";
  messageId: string;
  subject: string;
  envelope: MailEnvelope;
  recipients: {
    email: string;
    state: "pending" | "accepted" | "deferred" | "rejected" | "uncertain";
    code: number | null;
    enhancedCode: string | null;
    text: string | null;
  }[];
  /** Octets. */
  size: number;
  attempts: number;
  nextAttemptAt: string | null;
  sendAt: string | null;
  deliverBefore: string;
  metadata: Record<string, string>;
  warnings: string[];
  createdAt: string;
  updatedAt: string;
};
