import type { SMTPConnectionEnvelope } from "nodemailer/lib/smtp-connection";
import type { RecipientOutcome } from "../../mail/submitter.ts";
import { parseReply, type Reply } from "./reply.ts";

/** What nodemailer notes while it goes through the recipients. */
export type Recorded = Pick<SMTPConnectionEnvelope, "rejectedErrors">;

/** 5yz is final, but for 503: that is about the session, not the message. */
const isFinal = (code: number) => code >= 500 && code !== 503;

function byReply(email: string, reply: Reply): RecipientOutcome {
  return { email, state: isFinal(reply.code) ? "rejected" : "deferred", ...reply };
}

/** The answers to RCPT TO that were refusals, by address. */
export function refusals(recorded: Recorded): Map<string, Reply> {
  const found = new Map<string, Reply>();
  for (const { recipient, response } of recorded.rejectedErrors) {
    const reply = parseReply(response ?? "");
    if (recipient !== undefined && reply !== null) found.set(recipient, reply);
  }
  return found;
}

/** An outcome for each: the recipient's own refusal where there was one, else what became of the message. */
export function outcomes(
  to: { email: string; sentAs: string }[],
  recorded: Recorded,
  message: (email: string) => RecipientOutcome,
): RecipientOutcome[] {
  const refused = refusals(recorded);
  return to.map(({ email, sentAs }) => {
    const own = refused.get(sentAs);
    return own === undefined ? message(email) : byReply(email, own);
  });
}

export const accepted =
  (reply: Reply | null) =>
  (email: string): RecipientOutcome => ({
    email,
    state: "accepted",
    code: reply?.code ?? null,
    enhancedCode: reply?.enhancedCode ?? null,
    text: reply?.text ?? null,
  });

export const refusedBy =
  (reply: Reply) =>
  (email: string): RecipientOutcome =>
    byReply(email, reply);

export const uncertain = (email: string): RecipientOutcome => ({
  email,
  state: "uncertain",
  code: null,
  enhancedCode: null,
  text: null,
});
