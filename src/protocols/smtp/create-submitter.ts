import { Failure } from "../../errors.ts";
import type { Guard, ServerLogin } from "../../mail/server.ts";
import type { SubmitOutcome, Submitter } from "../../mail/submitter.ts";
import { type SmtpDeadlines, smtpDeadlines } from "./deadlines.ts";
import type { OpenLine } from "./line.ts";
import { isPositive } from "./send-envelope.ts";
import { openSession, type Session } from "./session.ts";
import { submitMessage } from "./submit-message.ts";

/** A line that was open for a while may be gone, or logged out, before the first command is answered: that is worth one new line. */
const isStale = (error: unknown) =>
  error instanceof Failure &&
  (error.code === "upstream-unreachable" ||
    error.code === "upstream-timeout" ||
    error.code === "account-authentication-failed");

/** The server leaves, or does not know any more where it is in the dialog. */
const isGoodbye = (outcome: SubmitOutcome) => outcome.recipients.every(({ code }) => code === 421 || code === 503);

/**
 * A submitter on an account's outgoing server, for one caller at a time. It connects when first used, keeps the session for
 * further messages, and connects again when the server has left. Fails as `Submitter` says.
 */
export function createSubmitter(
  needs: { guard: Guard; openLine: OpenLine; deadlines?: SmtpDeadlines | undefined },
  server: ServerLogin,
): Submitter {
  const { guard, openLine, deadlines = smtpDeadlines } = needs;
  let session: Session | null = null;

  async function fresh(): Promise<Session> {
    const old = session;
    session = null;
    await old?.quit();
    session = await openSession({ guard, openLine, deadlines }, server);
    return session;
  }

  /** A session on which a transaction can begin. */
  async function current(): Promise<Session> {
    if (session === null || isSpent(session)) return fresh();
    if (!session.isDirty) return session;
    return (await reset(session)) ? session : fresh();
  }

  /** Ends a transaction that was left open (RFC 5321 §4.1.1.5). */
  async function reset(on: Session): Promise<boolean> {
    on.wire.begin("RSET", deadlines.command);
    on.wire.write("RSET\r\n");
    const answer = await on.wire.reply().catch(() => "");
    on.wire.rest();
    on.isDirty = !isPositive(answer);
    return isPositive(answer);
  }

  return {
    limits: async () => (await current()).extensions.limits,
    async submit(bytes, envelope, options) {
      const kept = session;
      const on = await current();
      const progress = { started: false };
      const mayRepeat = (): boolean => on === kept && !progress.started;
      try {
        const outcome = await submitMessage(on, bytes, envelope, options, deadlines, progress);
        if (!mayRepeat() || !isGoodbye(outcome)) return outcome;
      } catch (error) {
        if (!mayRepeat() || !isStale(error)) throw error;
      }
      return submitMessage(await fresh(), bytes, envelope, options, deadlines, progress);
    },
    async close() {
      const last = session;
      session = null;
      await last?.quit();
    },
  };
}

/** The line is lost, the server has said something that nobody asked for (its goodbye), or it takes no more messages on it. */
function isSpent({ wire, transactions, extensions }: Session): boolean {
  return wire.lost() !== null || wire.heard() || transactions >= (extensions.transactions ?? Infinity);
}
