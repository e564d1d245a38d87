import type { Address } from "./address.ts";
import type { CalendarInvite } from "./calendar.ts";
import type { Flags } from "./flags.ts";
import type { MaildropKey } from "./maildrop.ts";
import type { Part } from "./part.ts";
import type { AuthenticationResults, ListUnsubscribe } from "./sender-claims.ts";

/** Where a message lies in a folder of an IMAP server. */
export type ImapPlace = {
  /** Raw folder path. */
  path: string;
  /** 0 when the server tells none. */
  uidValidity: number;
  uid: number;
};

/** A message of a maildrop, which has one folder and no places in it: by what names it for life. */
export type MaildropPlace = { path: string; key: MaildropKey };

/** Where a message lies, in the server's own terms. Only `operations/` turns a place into an id. */
export type Place = ImapPlace | MaildropPlace;

/** A key that the server gives a message for life, through moves by anybody. */
export type NativeKey = {
  /** EMAILID (RFC 8474), Gmail's X-GM-MSGID, or Dovecot's unadvertised X-GUID. */
  kind: "emailId" | "gmail" | "guid";
  value: string;
};

/** What ENVELOPE tells (RFC 9051 §7.5.2), decoded. */
export type Envelope = {
  /** With angle brackets, as it stands; null where missing or unusable. */
  messageId: string | null;
  inReplyTo: string | null;
  /** The message ids of References, oldest first, with angle brackets: of more than a hundred the first ten and the last ninety. */
  references: string[];
  subject: string;
  from: Address | null;
  sender: Address | null;
  replyTo: Address[];
  to: Address[];
  cc: Address[];
  bcc: Address[];
  /** Milliseconds since the epoch; null when missing or broken, never "now". */
  date: number | null;
};

/** A message as a listing tells it: no body, no header block. */
export type Summary<P extends Place = Place> = {
  place: P;
  /** Null on the tracked tier, and in a maildrop. */
  key: NativeKey | null;
  /** The server's own id of the conversation: THREADID (RFC 8474) or Gmail's X-GM-THRID; null where it tells none. */
  thread: string | null;
  envelope: Envelope;
  /** INTERNALDATE, milliseconds (whole seconds); null when the server told none. */
  receivedAt: number | null;
  /** RFC822.SIZE in octets; a hint, never a limit to cut by. */
  size: number;
  flags: Flags;
  keywords: string[];
  /** Null where the server gave no usable BODYSTRUCTURE. */
  structure: Part | null;
  /** Closed set of words, such as `date-unparseable`, `structure-missing`. */
  warnings: string[];
};

export type Attachment = {
  /** `att_` + the MIME section path. */
  id: string;
  filename: string | null;
  contentType: string;
  /** Decoded octets; only where exact without downloading. */
  size?: number;
  /** Octets as transferred. */
  encodedSize: number;
  contentId: string | null;
  inline: boolean;
};

/** A message as the API tells it. Unknown is absent; known to be empty is null, "" or []. */
export type Message = {
  id: string;
  accountId: string;
  threadId?: string;
  folderIds: string[];
  messageId: string | null;
  inReplyTo: string | null;
  references?: string[];
  subject: string;
  from: Address | null;
  sender: Address | null;
  replyTo: Address[];
  to: Address[];
  cc: Address[];
  bcc: Address[];
  /** RFC 3339 UTC with milliseconds; null when the header is missing or broken. */
  date: string | null;
  receivedAt?: string;
  /** Octets. */
  size: number;
  flags: Flags;
  keywords: string[];
  hasAttachment?: boolean;
  attachments?: Attachment[];
  preview?: string;
  text?: string | null;
  html?: string | null;
  headers?: { name: string; value: string }[];
  /** Null where the message has no calendar with an event. */
  invite?: CalendarInvite | null;
  listUnsubscribe?: ListUnsubscribe | null;
  /** Topmost first. */
  authenticationResults?: AuthenticationResults[];
  warnings: string[];
};

/** All of a message that may change as long as it has its id. */
export type MessageState = Pick<Message, "id" | "folderIds" | "flags" | "keywords">;

/** A message that was stored without anybody being able to tell which one of its folder it is: all that is known. */
export type StoredMessage = {
  accountId: string;
  folderIds: string[];
  /** Octets, as they were sent to the server. */
  size: number;
  warnings: string[];
};
