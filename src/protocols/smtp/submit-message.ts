import { Failure } from "../../errors.ts";
import type { MailEnvelope, RecipientOutcome, SubmitOptions, SubmitOutcome } from "../../mail/submitter.ts";
import type { SmtpDeadlines } from "./deadlines.ts";
import { finalDot } from "./dot-stuff.ts";
import { brokeProtocol, disconnected, failure, loginRefused, refused } from "./failures.ts";
import { acceptedBy, refusedBy, uncertain } from "./outcome.ts";
import { parseReply, type Reply } from "./reply.ts";
import { isPositive, sendEnvelope } from "./send-envelope.ts";
import { sendOctets } from "./send-octets.ts";
import type { Session } from "./session.ts";
import { planTransaction } from "./transaction.ts";
import type { Wire } from "./wire.ts";

/** Refused for want of a login, in an answer to something else (RFC 4954 §6). */
const loginCodes = new Set([530, 534, 535, 538]);

/**
 * Sends one message over an open session (RFC 5321 §3.3).
 * @param progress `started` becomes true when `bytes` is first asked for an octet: before that the same call can be made again on another session
 * @returns an outcome per recipient; once the dot went out there is always one
 * Fails, with nothing handed over: a Failure; or what `bytes` or `beforeDot` failed with, and then the line was dropped.
 */
export async function submitMessage(
  session: Session,
  bytes: AsyncIterable<Uint8Array> | Uint8Array,
  envelope: MailEnvelope,
  options: SubmitOptions,
  deadlines: SmtpDeadlines,
  progress: { started: boolean },
): Promise<SubmitOutcome> {
  const { wire } = session;
  const plan = planTransaction(session, envelope, options);
  session.transactions += 1;
  session.isDirty = true;
  try {
    wire.begin("envelope", deadlines.command + plan.rcptTo.length * deadlines.recipient);
    const { accepted, refusals, tooMany, end } = await sendEnvelope(session, plan);
    if (end instanceof Failure) throw end;

    const isLeft = new Set([...plan.left, ...tooMany]);
    const settled = (message: (email: string) => RecipientOutcome): SubmitOutcome => ({
      recipients: plan.to
        .filter((email) => !isLeft.has(email))
        .map((email) => {
          const own = refusals.get(email);
          return own === undefined ? message(email) : refusedBy(own, email);
        }),
      left: isLeft.size === 0 ? [] : envelope.to.filter((email) => isLeft.has(email)),
    });
    const refusedAs = (reply: Reply): SubmitOutcome => settled((email) => refusedBy(reply, email));
    if (end === "nobody") return settled(uncertain);
    if (end !== null && loginCodes.has(end.reply.code)) throw loginRefused(end.reply, wire.where());
    if (end !== null) return refusedAs(end.reply);

    progress.started = true;
    const early = await untilDot(wire, bytes, () => options.beforeDot(accepted), deadlines);
    if (early !== null) return refusedAs(early);

    const answer = await wire.reply().catch(() => null);
    if (answer === null) return settled(uncertain);
    session.isDirty = false;
    if (isPositive(answer)) return settled((email) => acceptedBy(answer, email));
    const reply = parseReply(answer);
    if (reply !== null && reply.code === 421) wire.lose(refused(reply, wire.where()));
    if (reply !== null && reply.code >= 400) return refusedAs(reply);
    wire.lose(brokeProtocol(wire.where()));
    return settled(uncertain);
  } finally {
    wire.rest();
  }
}

/**
 * Sends all up to the dot, and that too once `commit` has come to its end.
 * @returns null when the dot went out; else what the server refused the message with before that, and then the line was dropped
 */
async function untilDot(
  wire: Wire,
  bytes: AsyncIterable<Uint8Array> | Uint8Array,
  commit: () => Promise<void>,
  deadlines: SmtpDeadlines,
): Promise<Reply | null> {
  try {
    const last = await sendOctets(wire, bytes, deadlines.dataBlock);
    if (wire.heard()) return await early(wire);
    const before = wire.lost();
    if (before !== null) throw before;
    await commit();
    if (wire.heard()) return await early(wire);
    const meanwhile = wire.lost();
    if (meanwhile !== null) throw meanwhile;
    wire.begin("final reply", deadlines.finalReply);
    wire.write(finalDot(last));
    return null;
  } catch (error) {
    // In the middle of DATA the only way not to send the dot is to leave.
    wire.lose(disconnected(wire.where()));
    throw error;
  }
}

/** An answer to what is not complete: only a refusal is believed. */
async function early(wire: Wire): Promise<Reply> {
  const reply = parseReply(await wire.reply());
  wire.lose(disconnected(wire.where()));
  if (reply !== null && reply.code >= 400) return reply;
  throw failure("upstream-protocol-error", "The mail server answered before the message was complete.", wire.where());
}
