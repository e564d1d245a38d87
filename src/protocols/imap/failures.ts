import { Failure, type FailureCode, type FailureDetails, type Upstream } from "../../errors.ts";
import { profileOf, providerRefusal } from "../../mail/provider-profile.ts";
import { oneLine } from "../../net/server-words.ts";
import { tlsReason } from "../../net/tls-reason.ts";
import { whyUnreachable } from "../../net/why-unreachable.ts";

/** Where in the dialog with which server something failed. */
export type Where = { host: string; phase: string };

/** The server's response code and words. */
type Said = { code?: string | null; text?: string };

/** What imapflow and Node put on their errors. */
type LibraryError = {
  code?: unknown;
  message?: unknown;
  reason?: unknown;
  authenticationFailed?: unknown;
  serverResponseCode?: unknown;
  responseText?: unknown;
  responseStatus?: unknown;
  throttleReset?: unknown;
  tlsFailed?: unknown;
};

const timeouts = new Set(["CONNECT_TIMEOUT", "GREETING_TIMEOUT", "UPGRADE_TIMEOUT", "ETIMEOUT", "ETIMEDOUT"]);
const nameNotFound = new Set(["ENOTFOUND", "EAI_NODATA", "EAI_NONAME"]);
const brokenProtocol =
  /^(ParserError|MAX_IMAP_NESTING|LineTooLarge|LiteralTooLarge|ResponseTooLarge|TooMany|UnexpectedTag|InvalidResponse|ResponseProcessingFailed|STARTTLS_INJECTION)/;
/** The line was gone, whatever was going on: how that reads depends on who noticed it first. */
const lostLine =
  /^(ECONNRESET|ECONNABORTED|EPIPE|ENOTCONN|NoConnection|EConnectionClosed|ERR_STREAM_DESTROYED|ERR_STREAM_WRITE_AFTER_END|ERR_SSL_UNEXPECTED_EOF_WHILE_READING)$/;
const tooManyConnections =
  /too many (simultaneous )?(connections|logins)|maximum number of connections|connection limit/i;
/** Phrases, for a single word may be from a folder's name that the server repeats. */
const throttled = [
  /\b(is|are|was|been|being) (\w+ )?throttled|throttled by|too many (requests|commands)|try again later/i,
  /rate limit (\w+ ){0,2}(exceeded|reached|hit)|(exceeded|reached|over) (\w+ ){0,2}rate limit/i,
  /temporary (\w+ ){0,2}(failure|error|problem|issue|outage)/i,
  /temporarily (\w+ )?(unavailable|available|disabled|blocked|locked|overloaded|unable|rejected|refused|deferred)/i,
];
const noSuchFolder =
  /(doesn'?t|does not|not) exist|(unknown|invalid|nonexistent) (mailbox|folder)|no such (mailbox|folder)|(mailbox|folder) not found/i;

function upstream(where: Where, responseCode: string | null, text: string): Upstream {
  return {
    protocol: "imap",
    ...where,
    ...(responseCode ? { responseCode: responseCode.slice(0, 100) } : {}),
    ...(text === "" ? {} : { text: oneLine(text) }),
  };
}

/** A failure of this dialog with the server's code and words, where it gave any. */
export function failure(
  code: FailureCode,
  detail: string,
  where: Where,
  said: Said = {},
  details: FailureDetails = {},
): Failure {
  return new Failure(code, detail, { ...details, upstream: upstream(where, said.code ?? null, said.text ?? "") });
}

/** A command that was answered with a tagged NO or BAD, as our failure. */
export function refusal(status: "NO" | "BAD", code: string | null, text: string, where: Where): Failure {
  const said = { code, text };
  // The folder's name, which a server repeats, may sound like anything: these words count before those of busyness.
  const isNoSuchFolder = code === "NONEXISTENT" || code === "TRYCREATE" || (code === null && noSuchFolder.test(text));
  const known =
    particular(code, text, where) ?? (status === "NO" && isNoSuchFolder ? null : busyness(code, text, where));
  if (known) return known;
  if (status === "BAD")
    return failure("upstream-protocol-error", "The mail server did not understand a command.", where, said);
  if (isNoSuchFolder) return failure("not-found", "The mail server has no such folder.", where, said);
  if (code === "INUSE") return failure("mailbox-locked", "Another session locks the mailbox.", where, said);
  if (code === "BADCHARSET") {
    return failure("unsupported-by-server", "The mail server can't search for text that is not ASCII.", where, said);
  }
  return failure("refused-by-server", "The mail server refused the command.", where, said);
}

/** What the server's words mean whatever was asked: by its provider's profile, else "later"; null when they say neither. */
function meaning(code: string | null, text: string, where: Where): Failure | null {
  return particular(code, text, where) ?? busyness(code, text, where);
}

function particular(code: string | null, text: string, where: Where): Failure | null {
  const refused = providerRefusal(where.host, text);
  return refused && failure(refused.code, refused.detail, where, { code, text }, { fix: refused.fix });
}

function busyness(code: string | null, text: string, where: Where): Failure | null {
  const said = { code, text };
  const wait = /backoff time[:=\s]+(\d{1,9})/i.exec(text)?.[1];
  if (wait !== undefined) return throttledFor(Number(wait), where, said);
  if (tooManyConnections.test(text)) {
    return failure("account-busy", "The mail server allows no more connections for this account.", where, said);
  }
  if (
    code === "UNAVAILABLE" ||
    code === "THROTTLED" ||
    (code === null && throttled.some((words) => words.test(text)))
  ) {
    return failure("upstream-throttled", "The mail server asks to come back later.", where, said);
  }
  return null;
}

/** The server ended the session with BYE. */
export function goodbye(code: string | null, text: string, where: Where): Failure {
  const said = { code, text };
  return (
    meaning(code, text, where) ?? failure("upstream-unreachable", "The mail server ended the session.", where, said)
  );
}

export function timedOut(where: Where): Failure {
  return failure("upstream-timeout", "The mail server did not answer in time.", where);
}

/** The server says itself how long to stay away; more than a day is not believed. */
export function throttledFor(milliseconds: number, where: Where, said: Said = {}): Failure {
  const retryAfter = Math.min(Math.ceil(milliseconds / 1000), 86_400);
  return failure("upstream-throttled", "The mail server asks to come back later.", where, said, { retryAfter });
}

/** The greeting skips the login (RFC 9051 §7.1.4): then nobody has proved whose mailbox this is, nor that the line is safe. */
export function loginSkipped(security: "tls" | "starttls" | "none", where: Where): Failure {
  const detail = "The mail server lets us in before any login, so that neither TLS nor the password is asked for.";
  if (security === "starttls") return tlsFailure(detail, where);
  return failure("upstream-protocol-error", detail, where, {}, { retryable: false });
}

export function brokeProtocol(detail: string, where: Where): Failure {
  return failure("upstream-protocol-error", detail, where);
}

/**
 * Whatever imapflow or a socket threw, as our failure. Nothing of the error's own text is told but the server's words, as
 * far as `discreet` lets them pass.
 */
export function toFailure(
  thrown: unknown,
  { host, phase }: Where,
  discreet: (words: string) => string = (words) => words,
): Failure {
  if (thrown instanceof Failure) return thrown;
  const error: LibraryError = typeof thrown === "object" && thrown !== null ? thrown : {};
  const code = typeof error.code === "string" ? error.code : "";
  const where = { host, phase: phase === "login" ? openingPhase(code, error.tlsFailed === true) : phase };
  const responseText = typeof error.responseText === "string" ? discreet(error.responseText) : "";
  const responseCode = typeof error.serverResponseCode === "string" ? discreet(error.serverResponseCode) : null;

  if (code === "ETHROTTLE") return throttledFor(Number(error.throttleReset) || 0, where);
  if (error.authenticationFailed === true)
    return loginRefused(responseCode, responseText, String(error.message), where);
  if (timeouts.has(code)) return timedOut(where);
  if (nameNotFound.has(code)) return failure("dns-not-found", "The mail server's name does not resolve.", where);
  if (brokenProtocol.test(code)) return brokeProtocol("The mail server's answer can't be read.", where);
  const tls = tlsReason(code);
  if (tls !== null) return tlsFailure(`The TLS connection failed: ${tls}.`, where);
  if (error.tlsFailed === true && !lostLine.test(code)) {
    return tlsFailure("The mail server did not start TLS when asked to.", where);
  }
  if (error.responseStatus === "NO" || error.responseStatus === "BAD") {
    return refusal(error.responseStatus, responseCode, responseText, where);
  }
  if (typeof error.reason === "string") return goodbye(null, discreet(error.reason), where);
  return failure("upstream-unreachable", whyUnreachable(code), where);
}

/** How far the opening of a session had come. */
function openingPhase(code: string, tlsFailed: boolean): string {
  if (nameNotFound.has(code)) return "resolve";
  if (tlsReason(code) !== null || tlsFailed || code === "UPGRADE_TIMEOUT") return "tls";
  if (code === "GREETING_TIMEOUT") return "greeting";
  return /^(CONNECT_TIMEOUT|ECONNREFUSED|EHOST|ENET|EADDR|ETIMEDOUT)/.test(code) ? "connect" : "login";
}

function loginRefused(code: string | null, text: string, message: string, where: Where): Failure {
  const said = { code, text };
  if (code === "LIMIT" || code === "INUSE" || tooManyConnections.test(text)) {
    return failure("account-busy", "The mail server allows no more sessions for this account now.", where, said);
  }
  const known = code === "AUTHENTICATIONFAILED" ? particular(code, text, where) : meaning(code, text, where);
  if (known) return known;
  if (code === "PRIVACYREQUIRED" || message === "Login is disabled") {
    return failure("refused-by-server", "The mail server takes no password without TLS.", where, said, {
      fix: "Set incoming.security to tls or starttls.",
    });
  }
  return failure("account-authentication-failed", "The mail server refused the user name or password.", where, said, {
    fix: profileOf(where.host)?.passwordFix ?? "Store the current password; some providers want one made for apps.",
  });
}

function tlsFailure(detail: string, where: Where): Failure {
  return failure(
    "tls-verification-failed",
    detail,
    where,
    {},
    {
      fix: "Check incoming.security and port, and give the server's authority as incoming.tls.ca if it is a private one.",
    },
  );
}
