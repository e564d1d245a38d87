import type { RecipientOutcome } from "../../mail/submitter.ts";
import { parseReply, type Reply } from "./reply.ts";

/** 5yz is final, but for 503: that is about the session, not the message. */
const isFinal = (code: number) => code >= 500 && code !== 503;

export function refusedBy(reply: Reply, email: string): RecipientOutcome {
  return { email, state: isFinal(reply.code) ? "rejected" : "deferred", ...reply };
}

export function acceptedBy(reply: string, email: string): RecipientOutcome {
  const { code = null, enhancedCode = null, text = null } = parseReply(reply) ?? {};
  return { email, state: "accepted", code, enhancedCode, text };
}

export const uncertain = (email: string): RecipientOutcome => ({
  email,
  state: "uncertain",
  code: null,
  enhancedCode: null,
  text: null,
});

/**
 * Whether the answer to RCPT TO says that there were too many before it, not that this one is not welcome (RFC 5321 §4.5.3.1.10). Servers of
 * old say it by 552, and so do some by 4yz or 5yz and their words.
 */
export function isTooMany({ code, enhancedCode, text }: Reply): boolean {
  if (enhancedCode?.slice(1) === ".5.3" || /too many (recipients|rcpt)/i.test(text)) return true;
  return code === 452 && enhancedCode === null;
}
