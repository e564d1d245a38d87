import type { Failure } from "../../errors.ts";
import { brokeProtocol, disconnected, refused, toFailure } from "./failures.ts";
import { isTooMany } from "./outcome.ts";
import { parseReply, type Reply } from "./reply.ts";
import type { Session } from "./session.ts";
import type { Transaction } from "./transaction.ts";

/** What the server said to an envelope (RFC 5321 §3.3). */
export type Answered = {
  /** Who gets the message if it is sent now. */
  accepted: string[];
  /** The answers to RCPT TO that were refusals of this recipient, by recipient. */
  refusals: Map<string, Reply>;
  /** There were too many before them. */
  tooMany: Set<string>;
  /** Null when DATA was granted; else what the message was refused with, or that nobody is left to get it. */
  end: { reply: Reply } | "nobody" | Failure | null;
};

export const isPositive = (answer: string | undefined): boolean => answer?.startsWith("2") === true;
/** Some servers answer DATA by 250. */
const isGranted = (answer: string | undefined): boolean => answer?.startsWith("3") === true || isPositive(answer);
const isGoodbye = (answer: string): boolean => answer.startsWith("421");

/** Says MAIL, RCPT and DATA, at once where the server takes them so (RFC 2920). Never fails. */
export async function sendEnvelope(session: Session, plan: Transaction): Promise<Answered> {
  const { wire } = session;
  const { answers, loss } = await converse(session, plan);
  const data = answers[plan.rcptTo.length + 1];
  const mail = answers[0];
  const answered = readRecipients(plan, answers.slice(1, plan.rcptTo.length + 1));
  if (mail !== undefined && !isPositive(mail)) {
    const end = refusedWith(session, mail);
    // A server that waits for a message whose sender it has refused is left alone.
    if (isGranted(data)) wire.lose(disconnected(wire.where()));
    // What it says to the recipients then is that there is no sender.
    return { accepted: [], refusals: new Map(), tooMany: new Set(), end };
  }
  const goodbye = answers.find(isGoodbye);
  if (goodbye !== undefined) return { ...answered, end: refusedWith(session, goodbye) };

  const isNobody = answered.accepted.length === 0 && answered.refusals.size > 0 && answers.length > plan.rcptTo.length;
  if (isNobody && loss === null && isGranted(data)) {
    // RFC 2920 §3.1: an empty message ends what nobody was to get.
    wire.write(".\r\n");
    await wire.reply().then(
      () => (session.isDirty = false),
      () => {},
    );
  }
  if (isNobody) return { ...answered, end: "nobody" };
  if (loss !== null) return { ...answered, end: loss };
  if (answered.most !== null) session.learn(answered.most);
  return { ...answered, end: data === undefined || isGranted(data) ? null : refusedWith(session, data) };
}

/** The answers in the commands' order, as far as they came. */
async function converse(
  { wire, extensions: { pipelining } }: Session,
  { mailFrom, rcptTo }: Transaction,
): Promise<{ answers: string[]; loss: Failure | null }> {
  const answers: string[] = [];
  const commands = [mailFrom, ...rcptTo.map(({ address }) => `RCPT TO:<${address}>`), "DATA"];
  if (pipelining) wire.write(`${commands.join("\r\n")}\r\n`);
  try {
    for (const command of commands) {
      const isInVain = command === "DATA" ? !answers.slice(1).some(isPositive) : answers[0]?.startsWith("2") === false;
      if (!pipelining && isInVain) break;
      if (!pipelining) wire.write(`${command}\r\n`);
      const answer = await wire.reply();
      answers.push(answer);
      if (isGoodbye(answer)) break;
    }
    return { answers, loss: null };
  } catch (error) {
    return { answers, loss: toFailure(error, wire.where()) };
  }
}

/** What refuses all. The line is dropped where the server leaves it. */
function refusedWith({ wire }: Session, answer: string): { reply: Reply } | Failure {
  const reply = parseReply(answer);
  if (reply === null || reply.code < 400) {
    const broken = brokeProtocol(wire.where());
    wire.lose(broken);
    return broken;
  }
  if (reply.code === 421) wire.lose(refused(reply, wire.where()));
  return { reply };
}

/** What can't be read takes nobody, and refuses nobody for good. */
const unread: Reply = { code: 450, enhancedCode: null, text: "" };

/** @returns `most`: how many recipients the server took before it said that there are too many; null where it did not */
function readRecipients({ rcptTo }: Transaction, answers: string[]): Omit<Answered, "end"> & { most: number | null } {
  const refusals = new Map<string, Reply>();
  const tooMany = new Set<string>();
  const accepted: string[] = [];
  let taken = 0;
  let most: number | null = null;
  for (const [n, answer] of answers.entries()) {
    const emails = rcptTo[n]?.emails ?? [];
    if (isPositive(answer)) {
      accepted.push(...emails);
      taken += 1;
      continue;
    }
    const reply = parseReply(answer) ?? unread;
    const isOneTooMany = taken > 0 && isTooMany(reply);
    if (isOneTooMany) most ??= taken;
    const isBehind = most !== null && reply.code < 500 && reply.code !== 421;
    for (const email of emails) {
      if (isOneTooMany || isBehind) tooMany.add(email);
      else refusals.set(email, reply);
    }
  }
  return { accepted, refusals, tooMany, most };
}
