import type { Address } from "./address.ts";
import type { MailEnvelope } from "./submitter.ts";

/** What is done with a message that somebody got or sent. */
export type ReplyAction = "reply" | "replyAll" | "forward";

/** The message that another one answers or forwards: Postern's id of it. */
export type OriginalMessage = { action: ReplyAction; messageId: string };

/**
 * Whether a copy is put into the sent folder: `auto` leaves time to the providers that file one themselves, `always` does not; neither puts a
 * second one beside what is there.
 */
export type SaveToSent = "auto" | "always" | "never";

/** Where the copy in the sent folder comes from: `stored` by Postern, `provider`: it was there. `failed`: see the warnings. */
export type SentCopy = "pending" | "stored" | "provider" | "failed";

/** How an attachment is told of; for what is referred to, the default is what that says of itself. */
type AttachmentLook = {
  filename?: string | undefined;
  contentType?: string | undefined;
  contentId?: string | undefined;
  inline?: boolean | undefined;
};

export type AttachmentInput =
  | (AttachmentLook & {
      filename: string;
      contentType: string;
      /** Base64 (RFC 4648 §4). */
      content: string;
    })
  | (AttachmentLook & {
      /** Postern's ids of a message of the account and of one of its attachments. */
      messageId: string;
      attachmentId: string;
    })
  | (AttachmentLook & { uploadId: string });

/** A meeting (RFC 5546): the text/calendar alternative of the message (RFC 6047). */
export type CalendarInput = {
  method: "PUBLISH" | "REQUEST" | "REPLY" | "ADD" | "CANCEL" | "REFRESH" | "COUNTER" | "DECLINECOUNTER";
  /** iCalendar (RFC 5545). */
  content: string;
};

/** When and how a message goes out, whatever it is made from. Times are RFC 3339. */
export type SendingInput = {
  sendAt?: string | undefined;
  /** Seconds in which it can be taken back before it goes out; not beside `sendAt`. */
  undoSeconds?: number | undefined;
  deliverBefore?: string | undefined;
  /** The account's own setting by default. */
  saveToSent?: SaveToSent | undefined;
  /** Who gets it and who is told of failures, where the header is not to say (RFC 5321 §2.3.1). */
  envelope?: { from?: string | undefined; to?: string[] | undefined } | undefined;
};

/** What POST A/submissions takes, validated: no CR, LF or NUL in any header value. */
export type SubmissionInput = SendingInput & {
  from?: Address | undefined;
  /** Absent: who an answer goes to. */
  to?: Address[] | undefined;
  cc?: Address[] | undefined;
  bcc: Address[];
  replyTo: Address[];
  /** Absent: none, or that of the original with its prefix. */
  subject?: string | undefined;
  text?: string | undefined;
  html?: string | undefined;
  calendar?: CalendarInput | undefined;
  attachments: AttachmentInput[];
  headers: { name: string; value: string }[];
  /** Postern's id of a message of the account, which this one answers or forwards. */
  inReplyTo?: string | undefined;
  /** `reply` where there is `inReplyTo`. */
  action?: ReplyAction | undefined;
  /** Whether the original stands below the text and the HTML; by default that of a forward does. */
  quote?: boolean | undefined;
  /** Whether the original's attachments go along; by default those of a forward do. */
  includeAttachments?: boolean | undefined;
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
  /** Why the last attempt failed as a whole: a code of the problems; null where it did not. */
  lastError: { code: string; detail: string } | null;
  sendAt: string | null;
  deliverBefore: string;
  inReplyTo: string | null;
  action: ReplyAction | null;
  saveToSent: SaveToSent;
  /** Null until it is sent, and where none is wanted or there is no sent folder to put it in. */
  sentCopy: SentCopy | null;
  metadata: Record<string, string>;
  warnings: string[];
  createdAt: string;
  updatedAt: string;
};

/** What PATCH takes: one of the two. */
export type SubmissionPatch =
  | { resolve: "sent" | "retry" }
  | {
      /** RFC 3339; null: at once. */
      sendAt: string | null;
    };

/** An upload as the API tells it. */
export type Upload = {
  id: string;
  accountId: string;
  filename: string;
  contentType: string;
  /** Octets. */
  size: number;
  createdAt: string;
  expiresAt: string;
};
