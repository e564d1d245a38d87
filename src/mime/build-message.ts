import MailComposer, { type MailComposerAttachment } from "nodemailer/lib/mail-composer";
import type { Address } from "../mail/address.ts";
import type { Header } from "./headers.ts";

export type AttachmentContent = {
  filename: string;
  contentType: string;
  /** Decoded octets. */
  content: Uint8Array;
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
  attachments: AttachmentContent[];
  headers: Header[];
  /** With angle brackets, as is inReplyTo and each of the references. */
  messageId: string;
  date: Date;
  inReplyTo?: string | undefined;
  references?: string[] | undefined;
};

/**
 * The message as it goes over the wire and into Sent: CRLF line ends, ASCII headers (RFC 2047, RFC 2231), text in
 * quoted-printable or base64 where it needs to be, attachments in base64. An attachment of type message/rfc822 stays as it
 * is (RFC 2046 §5.2.1) but for its line ends. Each call gives other boundaries: build once and keep the octets.
 */
export function buildMessage(message: MessageContent): AsyncIterable<Uint8Array> {
  const composer = new MailComposer({
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
    attachments: message.attachments.map(attachment),
    headers: message.headers.map(({ name, value }) => ({ key: name, value })),
    newline: "win",
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().createReadStream();
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
    filename,
    contentType,
    content: Buffer.from(content.buffer, content.byteOffset, content.byteLength),
    contentDisposition: (inline ?? contentId !== undefined) ? "inline" : "attachment",
    ...(contentId === undefined ? {} : { cid: contentId }),
  };
}
