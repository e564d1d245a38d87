import { Failure, type FailureCode, type FailureDetails } from "../../errors.ts";
import { profileOf, providerRefusal } from "../../mail/provider-profile.ts";
import { parseReply, type Reply } from "./reply.ts";
import { tlsReason } from "../../net/tls-reason.ts";
import { whyUnreachable } from "../../net/why-unreachable.ts";

/** Where in the dialog with which server something failed. */
export type Where = { host: string; phase: string };

const timeouts = new Set(["ETIMEDOUT", "ETIMEOUT"]);

/** A failure of this dialog, with the server's reply where there was one. */
export function failure(
  code: FailureCode,
  detail: string,
  where: Where,
  reply: Reply | null = null,
  details: FailureDetails = {},
): Failure {
  const said = reply === null ? {} : { status: reply.code, text: reply.text };
  const responseCode = reply?.enhancedCode ?? null;
  return new Failure(code, detail, {
    ...details,
    upstream: { protocol: "smtp", ...where, ...said, ...(responseCode === null ? {} : { responseCode }) },
  });
}

export const timedOut = (where: Where): Failure =>
  failure("upstream-timeout", "The mail server did not answer in time.", where);

export const disconnected = (where: Where): Failure =>
  failure("upstream-unreachable", "The connection to the mail server was lost.", where);

export const brokeProtocol = (where: Where): Failure =>
  failure("upstream-protocol-error", "The mail server's answer can't be read.", where);

const tooManyConnections =
  /too many (concurrent |simultaneous |open )?(smtp )?(connections|sessions|logins)|(concurrent|simultaneous|maximum|number of) connections|connections? limit/i;

/** 421 and what else is about this session only: that there are too many of them, or that it is over. */
function notNow(reply: Reply, where: Where): Failure | null {
  if (reply.code < 500 && tooManyConnections.test(reply.text)) {
    return failure("account-busy", "The mail server allows no more connections for this account.", where, reply);
  }
  if (reply.code !== 421) return null;
  return failure("upstream-throttled", "The mail server asks to come back later.", where, reply);
}

/** A reply that ends the dialog, outside of the login and of a message. */
export function refused(reply: Reply, where: Where): Failure {
  const later = notNow(reply, where);
  if (later !== null) return later;
  if (reply.code < 500) return failure("upstream-unreachable", "The mail server is not ready.", where, reply);
  return failure("refused-by-server", "The mail server refused the session.", where, reply);
}

/** A refused login: what is wrong for good is the account's fault, what is wrong for now is not (RFC 4954 §6). */
export function loginRefused(reply: Reply, where: Where): Failure {
  const later = notNow(reply, where);
  if (later !== null) return later;
  if (reply.code < 500) {
    return failure("upstream-throttled", "The mail server can't check logins at the moment.", where, reply);
  }
  const particular = providerRefusal(where.host, reply.text);
  if (particular) return failure(particular.code, particular.detail, where, reply, { fix: particular.fix });
  return failure("account-authentication-failed", "The mail server refused the user name or password.", where, reply, {
    fix: profileOf(where.host)?.passwordFix ?? "Store the current password; some providers want one made for apps.",
  });
}

export function tlsFailed(detail: string, where: Where, reply: Reply | null = null): Failure {
  return failure("tls-verification-failed", detail, where, reply, {
    fix: "Check outgoing.security and port, and give the server's authority as outgoing.tls.ca if it is a private one.",
  });
}

/** Whatever nodemailer or a socket threw, as our failure. Nothing of the error's own text is told but the server's reply. */
export function toFailure(thrown: unknown, where: Where): Failure {
  if (thrown instanceof Failure) return thrown;
  const error: { code?: unknown; originalCode?: unknown; response?: unknown } =
    typeof thrown === "object" && thrown !== null ? thrown : {};
  const own = typeof error.code === "string" ? error.code : "";
  const code = typeof error.originalCode === "string" ? error.originalCode : own;
  const reply = typeof error.response === "string" ? parseReply(error.response) : null;

  if (own === "ETLS" && reply !== null) return tlsFailed("The mail server does not start TLS.", where, reply);
  if (own === "ETLS") return tlsFailed("The TLS connection failed.", where);
  const tls = tlsReason(code);
  if (tls !== null) return tlsFailed(`The TLS connection failed: ${tls}.`, where);
  if (reply !== null && reply.code >= 400) return refused(reply, where);
  if (timeouts.has(own) || timeouts.has(code)) return timedOut(where);
  if (own === "EPROTOCOL") {
    return failure("upstream-protocol-error", "The mail server's answer can't be read.", where, reply);
  }
  return where.phase === "connect" ? failure("upstream-unreachable", whyUnreachable(code), where) : disconnected(where);
}
