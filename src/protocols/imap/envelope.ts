import type { MessageAddressObject, MessageEnvelopeObject } from "imapflow";
import type { Address } from "../../mail/address.ts";
import type { Envelope } from "../../mail/message.ts";
import { parseDate } from "../../mime/parse-date.ts";

/** What a message without a usable ENVELOPE has. */
export const emptyEnvelope: Envelope = {
  messageId: null,
  inReplyTo: null,
  subject: "",
  from: null,
  sender: null,
  replyTo: [],
  to: [],
  cc: [],
  bcc: [],
  date: null,
};

/**
 * imapflow's decoded ENVELOPE as ours; `date` is the Date header as the server gave it, null where there is none (imapflow
 * guesses at broken ones).
 */
export function toEnvelope(envelope: MessageEnvelopeObject, date: string | null): Envelope {
  return {
    messageId: messageId(envelope.messageId),
    inReplyTo: messageId(envelope.inReplyTo),
    subject: envelope.subject ?? "",
    from: addresses(envelope.from)[0] ?? null,
    sender: addresses(envelope.sender)[0] ?? null,
    replyTo: addresses(envelope.replyTo),
    to: addresses(envelope.to),
    cc: addresses(envelope.cc),
    bcc: addresses(envelope.bcc),
    date: date === null ? null : parseDate(date),
  };
}

/** The first msg-id (RFC 5322 §3.6.4) in the field, with its angle brackets. */
function messageId(field: string | undefined): string | null {
  return /<[^<>\s]+>/.exec(field ?? "")?.[0] ?? null;
}

/** Leaves out group names (RFC 5322 §3.4) and what has no mailbox or no domain, Dovecot's placeholders included. */
function addresses(list: MessageAddressObject[] | undefined): Address[] {
  return (list ?? []).flatMap(({ name, address }) => {
    const email = address ?? "";
    return /^[^@].*@[^@]+$/s.test(email) && !/^MISSING_MAILBOX@|@(MISSING_DOMAIN|\.MISSING-HOST-NAME\.)$/.test(email)
      ? [{ name: name ?? "", email }]
      : [];
  });
}
