import { Readable } from "node:stream";
import MailComposer, { type MailComposerAttachment } from "nodemailer/lib/mail-composer";
import MimeNode from "nodemailer/lib/mime-node";
import type { Address } from "../mail/address.ts";
import { randomOctets } from "../mail/random.ts";
import type { CalendarInput } from "../mail/submission.ts";
import type { Header } from "./headers.ts";
import { rememberNames } from "./remember-names.ts";
import { maxSerialised, serialise } from "./serialise.ts";

rememberNames(MimeNode.prototype as object);

export type AttachmentContent = {
  /** Null: a name is made up from the type. */
  filename: string | null;
  contentType: string;
  /** Decoded octets: at hand, or opened when it is their turn, and read one attachment after another. */
  content: Uint8Array | (() => AsyncIterable<Uint8Array>);
  /** Without angle brackets; the HTML refers to it by `cid:`. */
  contentId?: string | undefined;
  /** Shown in place rather than offered; by default where there is a contentId. */
  inline?: boolean | undefined;
};

/** What a message is built from, validated (`check-address.ts`, `check-header.ts`). There is no Bcc: it is the envelope's. */
export type MessageContent = {
  from: Address;
  to: Address[];
  cc: Address[];
  replyTo: Address[];
  subject: string;
  text?: string | undefined;
  html?: string | undefined;
  /** Stands beside the text and the HTML (RFC 6047), and once more as a file for those who look for one. */
  calendar?: CalendarInput | undefined;
  attachments: AttachmentContent[];
  headers: Header[];
  /** With angle brackets, as is inReplyTo and each of the references. */
  messageId: string;
  date: Date;
  inReplyTo?: string | undefined;
  references?: string[] | undefined;
};

/**
 * The message as it goes over the wire and into Sent: CRLF line ends, ASCII headers (RFC 2047, RFC 2231) but for local parts that are not, text in
 * quoted-printable or base64 where it needs to be, attachments in base64. An attachment of type message/rfc822 stays as it
 * is (RFC 2046 §5.2.1) but for its line ends. Each call gives other boundaries: build once and keep the octets. Whole where it is short. A stream
 * fails as the attachments' contents do.
 */
export function buildMessage(message: MessageContent): Uint8Array | AsyncIterable<Uint8Array> {
  const tree = compileMessage(message);
  return isShort(message) ? serialise(tree) : tree.createReadStream();
}

/** A quarter of what would be too long as octets. */
const maxShort = maxSerialised / 4;

function isShort({ text = "", html = "", calendar, attachments }: MessageContent): boolean {
  if (text.length + html.length + (calendar?.content.length ?? 0) > maxShort) return false;
  return attachments.every(
    ({ content, contentType }) =>
      content instanceof Uint8Array && content.length <= maxShort && !isMessage(contentType),
  );
}

/** Whether an attachment of this media type goes out as it is. */
export function isMessage(contentType: string): boolean {
  return /^message\//i.test(contentType);
}

export function compileMessage(message: MessageContent): MimeNode {
  return new MailComposer({
    from: mailbox(message.from),
    to: message.to.map(mailbox),
    cc: message.cc.map(mailbox),
    replyTo: message.replyTo.map(mailbox),
    subject: message.subject,
    messageId: message.messageId,
    date: message.date,
    inReplyTo: message.inReplyTo,
    references: message.references,
    text: canonical(message.text),
    html: canonical(message.html),
    ...(message.calendar && {
      icalEvent: { method: message.calendar.method, content: canonical(message.calendar.content) ?? "" },
    }),
    attachments: message.attachments.map(attachment),
    headers: message.headers.map(({ name, value }) => ({ key: name, value })),
    newline: "win",
    baseBoundary: randomOctets(8).toString("hex"),
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile();
}

function mailbox({ name, email }: Address): { name: string; address: string } {
  return { name, address: email };
}

/** RFC 2045 §6.8: line ends are CRLF before text is encoded. */
function canonical(text: string | undefined): string | undefined {
  return text?.replace(/\r\n|\r|\n/g, "\r\n");
}

function attachment({ filename, contentType, content, contentId, inline }: AttachmentContent): MailComposerAttachment {
  return {
    ...(filename !== null && { filename }),
    contentType,
    content:
      content instanceof Uint8Array
        ? Buffer.from(content.buffer, content.byteOffset, content.byteLength)
        : Readable.from(lazily(content), { objectMode: false }),
    contentDisposition: (inline ?? contentId !== undefined) ? "inline" : "attachment",
    ...(contentId === undefined ? {} : { cid: contentId }),
  };
}

async function* lazily(open: () => AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* open();
}
