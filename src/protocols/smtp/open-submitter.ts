import { Failure } from "../../errors.ts";
import type { Guard, ServerLogin } from "../../mail/server.ts";
import type { SubmitOutcome, Submitter } from "../../mail/submitter.ts";
import { type SmtpDeadlines, smtpDeadlines } from "./deadlines.ts";
import { openSession, type Session } from "./session.ts";
import { submitMessage, type SubmitOptions } from "./submit-message.ts";

/** A line that was open for a while may be gone before the first command is answered: that is worth one new line. */
const isStale = (error: unknown) =>
  error instanceof Failure && (error.code === "upstream-unreachable" || error.code === "upstream-timeout");
const isGoodbye = (outcome: SubmitOutcome) => outcome.recipients.every(({ code }) => code === 421);

/**
 * A submitter on an account's outgoing server, for one caller at a time. It connects when first used, keeps the session for
 * further messages, and connects again when the server has left. Fails as `Submitter` says.
 */
export function openSubmitter(needs: { guard: Guard; deadlines?: SmtpDeadlines }, server: ServerLogin): Submitter {
  const deadlines = needs.deadlines ?? smtpDeadlines;
  let session: Session | null = null;
  /** A transaction may be left open on the session. */
  let dirty = false;

  async function fresh(): Promise<Session> {
    const old = session;
    session = null;
    dirty = false;
    await old?.quit();
    session = await openSession({ guard: needs.guard, deadlines }, server);
    return session;
  }

  async function current(): Promise<Session> {
    if (session === null || session.dead()) return fresh();
    if (!dirty) return session;
    dirty = false;
    try {
      await session.reset();
      return session;
    } catch {
      return fresh();
    }
  }

  async function attempt(
    on: Session,
    bytes: AsyncIterable<Uint8Array>,
    envelope: Parameters<Submitter["submit"]>[1],
    options: SubmitOptions,
  ): Promise<SubmitOutcome> {
    dirty = true;
    const outcome = await submitMessage(on, bytes, envelope, options, deadlines);
    dirty = !outcome.recipients.some(({ state }) => state === "accepted");
    return outcome;
  }

  return {
    limits: async () => (await current()).limits,
    async submit(bytes, envelope, options) {
      let started = false;
      async function* once(): AsyncGenerator<Uint8Array> {
        started = true;
        yield* bytes;
      }
      const before = session;
      const on = await current();
      if (on !== before) return attempt(on, once(), envelope, options);
      try {
        const outcome = await attempt(on, once(), envelope, options);
        if (started || !isGoodbye(outcome)) return outcome;
      } catch (error) {
        if (started || !isStale(error)) throw error;
      }
      return attempt(await fresh(), once(), envelope, options);
    },
    async close() {
      const last = session;
      session = null;
      await last?.quit();
    },
  };
}
