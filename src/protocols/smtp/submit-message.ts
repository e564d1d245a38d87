import type { SMTPConnectionEnvelope, SMTPConnectionSendInfo } from "nodemailer/lib/smtp-connection";
import { Failure } from "../../errors.ts";
import type { MailEnvelope, SubmitOutcome } from "../../mail/submitter.ts";
import { asciiEmail } from "../../mime/check-address.ts";
import type { SmtpDeadlines } from "./deadlines.ts";
import { failure, loginRefused, timedOut, toFailure, type Where } from "./failures.ts";
import { messageStream } from "./message-stream.ts";
import { accepted, outcomes, refusals, refusedBy, uncertain } from "./outcome.ts";
import { parseReply, type Reply } from "./reply.ts";
import type { Session } from "./session.ts";

export type SubmitOptions = { size: number; beforeDot: () => Promise<void> };

/** `afterDot`: whether the dot had gone out when the server answered. */
type Ending =
  | { kind: "sent"; info: SMTPConnectionSendInfo; afterDot: boolean }
  | { kind: "failed"; error: { code?: string | undefined; response?: string | undefined }; afterDot: boolean }
  | { kind: "late" };

/** An address as a command holds it. What is not fit for one was to be refused long before. */
function wireAddress(email: string): string {
  // oxlint-disable-next-line no-control-regex -- what can't stand in a command
  if (/[\u0000-\u0020\u007f<>]/.test(email)) {
    throw new Failure("internal", "An address that is not fit for the wire reached the submission.");
  }
  return asciiEmail(email);
}

// oxlint-disable-next-line no-control-regex -- everything but ASCII
const isAscii = (text: string) => !/[^\u0000-\u007f]/.test(text);

/** The envelope as it goes on the wire. Fails before the first command where the server can't take it. */
function checkedEnvelope(session: Session, envelope: MailEnvelope, size: number): SMTPConnectionEnvelope {
  const where: Where = { host: session.host, phase: "MAIL FROM" };
  const { limits } = session;
  if (limits.size !== null && size > limits.size) {
    throw failure(
      "message-too-large",
      `The message has ${size} octets; the mail server takes ${limits.size} at most.`,
      where,
    );
  }
  const from = wireAddress(envelope.from);
  const to = envelope.to.map(wireAddress);
  if (!limits.smtpUtf8 && !isAscii([from, ...to].join())) {
    throw failure("unsupported-by-server", "The mail server takes no internationalised addresses.", where, null, {
      fix: "Use addresses whose part before the @ is ASCII.",
    });
  }
  return { from, to, size, rcptQueue: [], rejected: [], rejectedErrors: [], accepted: [] };
}

function final(error: { code?: string | undefined; response?: string | undefined }): Reply | null {
  const reply = parseReply(error.response ?? "");
  return reply !== null && reply.code >= 400 ? reply : null;
}

/**
 * Sends one message over an open session (RFC 5321 §3.3).
 * @returns an outcome per recipient; once the dot went out there is always one
 * Fails, with nothing handed over: a Failure; or what `bytes` or `beforeDot` failed with, and then the line was dropped.
 */
export async function submitMessage(
  session: Session,
  bytes: AsyncIterable<Uint8Array>,
  envelope: MailEnvelope,
  options: SubmitOptions,
  deadlines: SmtpDeadlines,
): Promise<SubmitOutcome> {
  const { connection, host } = session;
  const recorded = checkedEnvelope(session, envelope, options.size);
  const to = envelope.to.map((email, n) => ({ email, sentAs: recorded.to?.[n] ?? email }));
  const message = messageStream(bytes, options.beforeDot, () => watch());

  let timer: ReturnType<typeof setTimeout> | undefined;
  let onLate = () => {};
  function watch(): void {
    clearTimeout(timer);
    const ms = message.dotSent()
      ? deadlines.finalReply
      : message.started()
        ? deadlines.dataBlock
        : deadlines.command + to.length * deadlines.recipient;
    timer = setTimeout(() => onLate(), ms);
  }

  const ending = await new Promise<Ending>((settle) => {
    onLate = () => settle({ kind: "late" });
    watch();
    connection.send(recorded, message.stream, (error, info) => {
      const afterDot = message.dotSent();
      settle(error ? { kind: "failed", error, afterDot } : { kind: "sent", info, afterDot });
    });
  });
  clearTimeout(timer);

  const phase = message.dotSent() ? "final reply" : message.started() ? "DATA" : "envelope";
  const where: Where = { host, phase };
  if (ending.kind === "sent" && ending.afterDot) {
    return { recipients: outcomes(to, recorded, accepted(parseReply(ending.info.response))) };
  }
  const answered = ending.kind === "failed" && ending.error.code === "EMESSAGE" && ending.afterDot;
  if (ending.kind === "late" || (message.started() && !answered)) {
    // In the middle of DATA the only way not to send the dot is to leave.
    message.stream.destroy();
    connection.close();
  }
  await message.settled();
  const failed = message.failed();
  if (failed !== null) throw failed.error;

  const reply = ending.kind === "failed" ? final(ending.error) : null;
  if (message.dotSent()) {
    return { recipients: outcomes(to, recorded, answered && reply !== null ? refusedBy(reply) : uncertain) };
  }
  if (reply !== null && (reply.code === 530 || reply.code === 535)) throw loginRefused(reply, where);
  if (reply !== null) return { recipients: outcomes(to, recorded, refusedBy(reply)) };
  if (ending.kind === "sent") {
    throw failure("upstream-protocol-error", "The mail server answered before the message was complete.", where);
  }
  const refused = refusals(recorded);
  if (to.every(({ sentAs }) => refused.has(sentAs))) return { recipients: outcomes(to, recorded, uncertain) };
  throw ending.kind === "late" ? timedOut(where) : toFailure(ending.error, where);
}
