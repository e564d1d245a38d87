import { Failure } from "../errors.ts";
import { tlsReason } from "../net/tls-reason.ts";
import { whyUnreachable } from "../net/why-unreachable.ts";

const broke = (detail: string): Failure => new Failure("upstream-protocol-error", detail);

export const stopped = (): Failure =>
  new Failure("upstream-unreachable", "Postern was stopped before the webhook receiver answered.");

export const tooManyInterim = (): Failure =>
  broke("The webhook receiver sent one interim answer (1xx) after another, and no other.");

export const upgraded = (): Failure => broke("The webhook receiver wants to speak another protocol than HTTP.");

/** No answer in the time that there was. */
export function timedOut(isConnected: boolean): Failure {
  const detail = isConnected
    ? "The webhook receiver did not answer in time."
    : "There was no connection to the webhook receiver in time.";
  return new Failure("upstream-timeout", detail);
}

/** Codes with which undici and Node tell that a connection was lost, whoever noticed it first. */
export const lostLine = /^(?:UND_ERR_SOCKET|ECONNRESET|ECONNABORTED|EPIPE)$/;

/**
 * Whatever undici or a socket threw, as our failure. `wasHeard`: something of an answer had come. Nothing of the error's own text
 * is told.
 */
export function toFailure(thrown: unknown, wasHeard: boolean): Failure {
  if (thrown instanceof Failure) return thrown;
  const code = thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  // A parser's error often has no code.
  const isParsers = thrown instanceof Error && thrown.name === "HTTPParserError";
  if (isParsers || code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH")
    return broke("The webhook receiver's answer is not HTTP.");
  if (code === "" || code === "UND_ERR_INVALID_ARG")
    return new Failure("internal", "A webhook could not be posted.", { cause: thrown });
  const tls = tlsReason(code);
  if (tls !== null) return new Failure("tls-verification-failed", `The TLS connection failed: ${tls}.`);
  if (code === "ETIMEDOUT") return timedOut(false);
  if (code === "UND_ERR_HEADERS_OVERFLOW") return broke("The head of the webhook receiver's answer is too long.");
  if (lostLine.test(code) && wasHeard)
    return broke("The webhook receiver's answer broke off, or is not one to the request.");
  if (code === "UND_ERR_SOCKET")
    return new Failure("upstream-unreachable", "The webhook receiver closed the connection without an answer.");
  return new Failure("upstream-unreachable", whyUnreachable(code, "webhook receiver"));
}
