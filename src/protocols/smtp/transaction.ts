import { Failure } from "../../errors.ts";
import type { MailEnvelope, MessageNeeds } from "../../mail/submitter.ts";
import { asciiEmail } from "../../mime/check-address.ts";
import { failure, type Where } from "./failures.ts";
import type { Session } from "./session.ts";

/** An envelope as it goes on the wire, in one transaction. */
export type Transaction = {
  mailFrom: string;
  /** Each address once, with the recipients that it is for. */
  rcptTo: { address: string; emails: string[] }[];
  /** In the envelope's order: who is in it, and who has to wait for another. */
  to: string[];
  left: string[];
};

/** An address as a command holds it. What is not fit for one was to be refused long before. */
function wireAddress(email: string): string {
  // RFC 5321 §4.1.2: in quotes the local part may hold spaces and angle brackets.
  const unquoted = email.replace(/^"(?:[^"\\]|\\.)*"(?=@)/, "");
  // oxlint-disable-next-line no-control-regex -- what can't stand in a command
  if (/[\u0000-\u001f\u007f]/.test(email) || /[ <>]/.test(unquoted)) {
    throw new Failure("internal", "An address that is not fit for the wire reached the submission.");
  }
  return asciiEmail(email);
}

// oxlint-disable-next-line no-control-regex -- everything but ASCII
const isAscii = (text: string) => !/[^\u0000-\u007f]/.test(text);

/**
 * Plans the transaction, with as many recipients as the server takes. Fails, with nothing said to the server, where it can't take the message:
 * `message-too-large`, `unsupported-by-server`.
 */
export function planTransaction(
  session: Pick<Session, "host" | "extensions">,
  envelope: MailEnvelope,
  message: MessageNeeds & { size: number },
): Transaction {
  const where: Where = { host: session.host, phase: "MAIL FROM" };
  const { limits, takesSize } = session.extensions;
  if (limits.size !== null && message.size > limits.size) {
    throw failure(
      "message-too-large",
      `The message has ${message.size} octets; the mail server takes ${limits.size} at most.`,
      where,
    );
  }
  const from = wireAddress(envelope.from);
  const byAddress = new Map<string, string[]>();
  for (const email of envelope.to) {
    const address = wireAddress(email);
    const known = byAddress.get(address);
    if (known === undefined) byAddress.set(address, [email]);
    else known.push(email);
  }
  const hasUtf8Address = !isAscii([from, ...byAddress.keys()].join());
  if (!limits.smtpUtf8 && (hasUtf8Address || message.utf8)) {
    throw hasUtf8Address
      ? unsupported("internationalised addresses", "Use addresses whose part before the @ is ASCII.", where)
      : unsupported("headers beyond ASCII", "Send the message with its header in ASCII (RFC 2047).", where);
  }
  if (!limits.eightBitMime && message.eightBit) {
    throw unsupported("8-bit messages", "Encode the message's parts as quoted-printable or base64.", where);
  }
  const parameters = [
    ...(hasUtf8Address || message.utf8 ? [" SMTPUTF8"] : []),
    ...(message.eightBit ? [" BODY=8BITMIME"] : []),
    ...(takesSize && message.size > 0 ? [` SIZE=${message.size}`] : []),
  ];
  const rcptTo = Array.from(byAddress, ([address, emails]) => ({ address, emails }));
  const later = rcptTo.splice(limits.recipients ?? Infinity);
  const isLater = new Set(later.flatMap(({ emails }) => emails));
  return {
    mailFrom: `MAIL FROM:<${from}>${parameters.join("")}`,
    rcptTo,
    to: envelope.to.filter((email) => !isLater.has(email)),
    left: envelope.to.filter((email) => isLater.has(email)),
  };
}

function unsupported(what: string, fix: string, where: Where): Failure {
  return failure("unsupported-by-server", `The mail server takes no ${what}.`, where, null, { fix });
}
