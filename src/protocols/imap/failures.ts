import { Failure, type FailureCode, type FailureDetails, type Upstream } from "../../errors.ts";
import { oneLine, withoutSecret } from "../../net/server-words.ts";
import { whyUnreachable } from "../../net/why-unreachable.ts";

/** Where in the dialog with which server something failed. */
export type Where = { host: string; phase: string };

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
const brokenTls =
  /^(CERT_|ERR_TLS|ERR_SSL|ERR_OSSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|EPROTO)/;
const tooManyConnections =
  /too many (simultaneous )?(connections|logins)|maximum number of connections|connection limit/i;
const throttled = /throttl|too many (requests|commands)|rate limit|try again later|temporar(y|ily)/i;
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
  said: { code?: string | null; text?: string } = {},
  details: FailureDetails = {},
): Failure {
  return new Failure(code, detail, { ...details, upstream: upstream(where, said.code ?? null, said.text ?? "") });
}

/** The same failure without the server's words where they hold the login's password. */
export function discreet(error: Failure, { username, password }: { username: string; password: string }): Failure {
  const told = error.details.upstream;
  if (told?.text === undefined || withoutSecret(told.text, username, password) !== "") return error;
  const { text: _, ...rest } = told;
  return new Failure(error.code, error.message, { ...error.details, upstream: rest });
}

/** A command that was answered with a tagged NO or BAD, as our failure. */
export function refusal(status: "NO" | "BAD", code: string | null, text: string, where: Where): Failure {
  const said = { code, text };
  const busy = busyness(code, text, where);
  if (busy) return busy;
  if (status === "BAD")
    return failure("upstream-protocol-error", "The mail server did not understand a command.", where, said);
  if (code === "NONEXISTENT" || code === "TRYCREATE" || (code === null && noSuchFolder.test(text))) {
    return failure("not-found", "The mail server has no such folder.", where, said);
  }
  if (code === "INUSE") return failure("mailbox-locked", "Another session locks the mailbox.", where, said);
  if (code === "BADCHARSET") {
    return failure("unsupported-by-server", "The mail server can't search for text that is not ASCII.", where, said);
  }
  return failure("refused-by-server", "The mail server refused the command.", where, said);
}

/** The failure that says "later", or null when the server's words don't. */
function busyness(code: string | null, text: string, where: Where, retryAfter?: number): Failure | null {
  const said = { code, text };
  if (tooManyConnections.test(text)) {
    return failure("account-busy", "The mail server allows no more connections for this account.", where, said);
  }
  if (code === "UNAVAILABLE" || code === "THROTTLED" || (code === null && throttled.test(text))) {
    return failure("upstream-throttled", "The mail server asks to come back later.", where, said, after(retryAfter));
  }
  return null;
}

function after(seconds: number | undefined): FailureDetails {
  return seconds === undefined ? {} : { retryAfter: seconds };
}

/** The server closed the dialog with words of its own. */
export function goodbye(text: string, where: Where): Failure {
  return (
    busyness(null, text, where) ??
    failure("upstream-unreachable", "The mail server ended the session.", where, { text })
  );
}

export function timedOut(where: Where): Failure {
  return failure("upstream-timeout", "The mail server did not answer in time.", where);
}

export function throttledFor(milliseconds: number, where: Where): Failure {
  const retryAfter = Math.ceil(milliseconds / 1000);
  return failure("upstream-throttled", "The mail server asks to come back later.", where, {}, { retryAfter });
}

export function brokeProtocol(detail: string, where: Where): Failure {
  return failure("upstream-protocol-error", detail, where);
}

/** Whatever imapflow or a socket threw, as our failure. Nothing of the error's own text is told but the server's words. */
export function toFailure(thrown: unknown, { host, phase }: Where): Failure {
  if (thrown instanceof Failure) return thrown;
  const error: LibraryError = typeof thrown === "object" && thrown !== null ? thrown : {};
  const code = typeof error.code === "string" ? error.code : "";
  const where = { host, phase: phase === "login" ? openingPhase(code, error.tlsFailed === true) : phase };
  const responseText = typeof error.responseText === "string" ? error.responseText : "";
  const responseCode = typeof error.serverResponseCode === "string" ? error.serverResponseCode : null;

  if (code === "ETHROTTLE") return throttledFor(Number(error.throttleReset) || 0, where);
  if (error.authenticationFailed === true)
    return loginRefused(responseCode, responseText, String(error.message), where);
  if (timeouts.has(code)) return timedOut(where);
  if (nameNotFound.has(code)) return failure("dns-not-found", "The mail server's name does not resolve.", where);
  if (brokenProtocol.test(code)) return brokeProtocol("The mail server's answer can't be read.", where);
  if (brokenTls.test(code)) return tlsFailure(`The TLS connection failed: ${tlsReason(code)}.`, where);
  if (error.tlsFailed === true) return tlsFailure("The mail server did not start TLS when asked to.", where);
  if (error.responseStatus === "NO" || error.responseStatus === "BAD") {
    return refusal(error.responseStatus, responseCode, responseText, where);
  }
  if (typeof error.reason === "string") return goodbye(error.reason, where);
  return failure("upstream-unreachable", whyUnreachable(code), where);
}

/** How far the opening of a session had come. */
function openingPhase(code: string, tlsFailed: boolean): string {
  if (nameNotFound.has(code)) return "resolve";
  if (brokenTls.test(code) || tlsFailed || code === "UPGRADE_TIMEOUT") return "tls";
  if (code === "GREETING_TIMEOUT") return "greeting";
  return /^(CONNECT_TIMEOUT|ECONNREFUSED|EHOST|ENET|EADDR|ETIMEDOUT)/.test(code) ? "connect" : "login";
}

function loginRefused(code: string | null, text: string, message: string, where: Where): Failure {
  const said = { code, text };
  if (code === "LIMIT" || code === "INUSE" || tooManyConnections.test(text)) {
    return failure("account-busy", "The mail server allows no more sessions for this account now.", where, said);
  }
  if (code !== "AUTHENTICATIONFAILED") {
    const busy = busyness(code, text, where);
    if (busy) return busy;
  }
  if (code === "PRIVACYREQUIRED" || message === "Login is disabled") {
    return failure("refused-by-server", "The mail server takes no password without TLS.", where, said, {
      fix: "Set incoming.security to tls or starttls.",
    });
  }
  return failure("account-authentication-failed", "The mail server refused the user name or password.", where, said, {
    fix: "Store the current password; some providers want one made for apps.",
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

function tlsReason(code: string): string {
  if (code === "CERT_HAS_EXPIRED") return "the certificate has expired";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH")
    return "the certificate is for another name";
  if (/SELF_SIGNED/.test(code)) return "the certificate is self-signed";
  if (code.startsWith("UNABLE_TO")) return "the certificate's authority is unknown";
  return code;
}
