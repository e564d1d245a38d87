import { Failure, type FailureCode, type FailureDetails } from "../../errors.ts";
import { profileOf, providerRefusal } from "../../mail/provider-profile.ts";
import { tlsReason } from "../../net/tls-reason.ts";
import { whyUnreachable } from "../../net/why-unreachable.ts";
import type { Status } from "./status.ts";

/** Where in the dialog with which server something failed. */
export type Where = { host: string; phase: string };

/** The server's response code and words. */
type Said = Pick<Status, "code" | "text">;

/** A day, seconds: who tells us to stay away for longer is not believed. */
const longestWait = 86_400;

const nameNotFound = new Set(["ENOTFOUND", "EAI_NODATA", "EAI_NONAME"]);
const locked =
  /\b(?:mail ?(?:box|drop)|account) (?:is )?(?:locked|busy|in use)|(?:can(?:'t|not)|unable to|could not|failed to) (?:\w+ )?lock|lock (?:busy|failed)|in use by|another (?:pop3? )?(?:session|process|connection)|already (?:locked|open|in use|logged)/i;
const tooManyConnections =
  /too many (?:simultaneous |concurrent )?(?:connections|sessions)|maximum number of connections|connection limit/i;
const tooOften =
  /login limit|login delay|login rate|logins? (?:is |are )?(?:only )?allowed (?:only )?(?:every|once)|too (?:many|frequent) (?:\w+ )?(?:logins?|log-?ins?|requests|commands)|logg?(?:ing|ed)? in too (?:often|frequently)|minimum (?:time|interval) between|throttl|rate limit/i;
const later = /try again|\blater\b|temporar(?:y|ily)|not available (?:now|at)|server (?:is )?(?:busy|overloaded)/i;
const needsTls =
  /(?:requires?|needs?|must use|only (?:over|with|allowed)).{0,40}(?:ssl|tls|stls|encrypt|secure)|plain ?text/i;
const noSuchMessage =
  /no such message|\bno message \d|(?:doesn'?t|does not|not) exist|(?:already |is |been )(?:deleted|expunged|removed)|(?:message|number) .{0,20}(?:not found|out of range|unknown)|(?:invalid|bad|unknown|nonexistent) (?:message|number)/i;

/** A failure of this dialog with the server's code and words, where it gave any. */
export function failure(
  code: FailureCode,
  detail: string,
  where: Where,
  said: Said | null = null,
  details: FailureDetails = {},
): Failure {
  return new Failure(code, detail, {
    ...details,
    upstream: {
      protocol: "pop3",
      ...where,
      ...(said?.code ? { responseCode: said.code } : {}),
      ...(said?.text ? { text: said.text } : {}),
    },
  });
}

/** A command that was answered with -ERR, outside of the login. */
export function refusal(said: Said, where: Where): Failure {
  const known = meaning(said, where, null);
  if (known) return known;
  if (said.code === "AUTH") return wrongPassword(said, where);
  return failure("refused-by-server", "The mail server refused the command.", where, said);
}

/** A command about one message that was answered with -ERR. */
export function messageRefusal(said: Said, where: Where): Failure {
  if (said.code === null && noSuchMessage.test(said.text)) {
    return failure("message-gone", "The mail server no longer has the message.", where, said);
  }
  return refusal(said, where);
}

/** Whether a refusal tells of nothing beyond what was asked: neither the account, nor the server, nor the moment. */
export function isOfItsOwn(said: Said, where: Where): boolean {
  return said.code !== "AUTH" && meaning(said, where, null) === null;
}

/** The server does not want to talk to us: -ERR as its greeting, or unasked in the middle of a session. */
export function goodbye(said: Said, where: Where): Failure {
  return (
    meaning(said, where, null) ?? failure("upstream-unreachable", "The mail server ended the session.", where, said)
  );
}

/** What the server announced about its logins (RFC 2449 §6.5, RFC 3206 §6). */
export type LoginTerms = { loginDelay: number | null; tellsAuth: boolean };

/** A refused login: what is wrong for good is the account's fault, what is wrong for now is not. */
export function loginRefused(said: Said, where: Where, { loginDelay, tellsAuth }: LoginTerms): Failure {
  // RFC 3206 §4: the user name or password, and nothing else, is what [AUTH] is about.
  if (said.code === "AUTH") return particular(said, where) ?? wrongPassword(said, where);
  const known = meaning(said, where, loginDelay);
  if (known) return known;
  if (needsTls.test(said.text)) return noPlainText(where, said);
  // RFC 3206 §6: a server that announces AUTH-RESP-CODE has told so, had it been the user name or password.
  if (tellsAuth) {
    const detail = "The mail server refused the login, for another reason than the user name or password.";
    return failure("refused-by-server", detail, where, said);
  }
  return wrongPassword(said, where);
}

/** What the server's words mean whatever was asked: by its provider's profile, its response code, else its words. */
function meaning(said: Said, where: Where, loginDelay: number | null): Failure | null {
  return particular(said, where) ?? codeMeaning(said, where, loginDelay) ?? wordsMeaning(said, where, loginDelay);
}

function particular(said: Said, where: Where): Failure | null {
  const refused = providerRefusal(where.host, said.text);
  return refused && failure(refused.code, refused.detail, where, said, { fix: refused.fix });
}

/** RFC 2449 §8.1 and RFC 3206 §3. A code by its first level means what no second one narrows. */
function codeMeaning(said: Said, where: Where, loginDelay: number | null): Failure | null {
  if (said.code === "IN-USE") return lockedOut(said, where);
  if (said.code === "LOGIN-DELAY") return throttled(said, where, loginDelay);
  if (said.code === "SYS/PERM") {
    return failure(
      "refused-by-server",
      "The mail server can't serve this account, and says it is for good.",
      where,
      said,
      {
        fix: "Ask who runs the mail server: it wants somebody to look at it.",
      },
    );
  }
  return said.code?.startsWith("SYS") ? throttled(said, where, null) : null;
}

/** Only where no code says it better: words in the servers' own English. */
function wordsMeaning(said: Said, where: Where, loginDelay: number | null): Failure | null {
  if (said.code !== null) return null;
  if (tooManyConnections.test(said.text)) {
    return failure("account-busy", "The mail server allows no more sessions for this account now.", where, said);
  }
  if (tooOften.test(said.text)) return throttled(said, where, loginDelay);
  if (locked.test(said.text)) return lockedOut(said, where);
  return later.test(said.text) ? throttled(said, where, null) : null;
}

function lockedOut(said: Said, where: Where): Failure {
  return failure("mailbox-locked", "Another session locks the mailbox.", where, said);
}

function throttled(said: Said, where: Where, announced: number | null): Failure {
  const seconds = toldWait(said.text) ?? announced;
  const retryAfter = seconds === null ? {} : { retryAfter: Math.min(seconds, longestWait) };
  return failure("upstream-throttled", "The mail server asks to come back later.", where, said, retryAfter);
}

/** Seconds that the server's words name ("a 15 minute period"), or null. */
function toldWait(text: string): number | null {
  const match = /\b(\d{1,6})[ -]?(second|sec|minute|min|hour)s?\b/i.exec(text);
  if (match === null) return null;
  const unit = match[2]?.toLowerCase() ?? "";
  return Number(match[1]) * (unit.startsWith("sec") ? 1 : unit.startsWith("min") ? 60 : 3600);
}

function wrongPassword(said: Said, where: Where): Failure {
  return failure("account-authentication-failed", "The mail server refused the user name or password.", where, said, {
    fix: profileOf(where.host)?.passwordFix ?? "Store the current password; some providers want one made for apps.",
  });
}

/** The server takes no password on a line that is not encrypted. */
export function noPlainText(where: Where, said: Said | null = null): Failure {
  return failure("refused-by-server", "The mail server takes no password without TLS.", where, said, {
    fix: "Set incoming.security to tls or starttls.",
  });
}

export function timedOut(where: Where): Failure {
  return failure("upstream-timeout", "The mail server did not answer in time.", where);
}

export function disconnected(where: Where): Failure {
  return failure("upstream-unreachable", "The connection to the mail server was lost.", where);
}

export function brokeProtocol(detail: string, where: Where): Failure {
  return failure("upstream-protocol-error", detail, where);
}

/** Nobody needs the session any more. */
export function closed(host: string): Failure {
  return failure("upstream-unreachable", "The session was closed.", { host, phase: "closed" });
}

export function tlsFailed(detail: string, where: Where, said: Said | null = null): Failure {
  return failure("tls-verification-failed", detail, where, said, {
    fix: "Check incoming.security and port, and give the server's authority as incoming.tls.ca if it is a private one.",
  });
}

/** Whatever a socket threw, as our failure. Nothing of the error's own text is told. */
export function toFailure(thrown: unknown, where: Where): Failure {
  if (thrown instanceof Failure) return thrown;
  const error: { code?: unknown } = typeof thrown === "object" && thrown !== null ? thrown : {};
  const code = typeof error.code === "string" ? error.code : "";
  if (nameNotFound.has(code)) return failure("dns-not-found", "The mail server's name does not resolve.", where);
  const tls = tlsReason(code);
  if (tls !== null) return tlsFailed(`The TLS connection failed: ${tls}.`, { ...where, phase: "tls" });
  if (code === "ETIMEDOUT") return timedOut(where);
  if (where.phase === "tls" && code === "") return tlsFailed("The TLS connection failed.", where);
  return where.phase === "connect" ? failure("upstream-unreachable", whyUnreachable(code), where) : disconnected(where);
}
