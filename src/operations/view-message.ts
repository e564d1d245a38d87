import type { Message, Summary } from "../mail/message.ts";
import { timestamp, timestampOrNull } from "../mail/time.ts";
import { attachments, hasAttachment } from "../mime/walk.ts";

/** A summary as the API tells it; what the server did not tell is absent. */
export function viewMessage(summary: Summary, known: { id: string; accountId: string; folderIds: string[] }): Message {
  const { envelope, structure } = summary;
  return {
    ...known,
    messageId: envelope.messageId,
    inReplyTo: envelope.inReplyTo,
    subject: envelope.subject,
    from: envelope.from,
    sender: envelope.sender,
    replyTo: envelope.replyTo,
    to: envelope.to,
    cc: envelope.cc,
    bcc: envelope.bcc,
    date: timestampOrNull(envelope.date),
    ...(summary.receivedAt !== null && { receivedAt: timestamp(summary.receivedAt) }),
    size: summary.size,
    flags: summary.flags,
    keywords: summary.keywords,
    ...(structure !== null && { hasAttachment: hasAttachment(structure), attachments: attachments(structure) }),
    warnings: summary.warnings,
  };
}
