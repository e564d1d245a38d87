/**
 * The closed list of failures (DESIGN §9). Every failure that leaves a room is a `Failure` with a code from this list;
 * `http/` maps it to a problem once. A code that is not here does not exist.
 */

/** Whose fault a failure is: the caller's request, the mail server (upstream), ours, or the operator's configuration. */
export type Fault = "caller" | "upstream" | "postern" | "operator";

type Kind = { status: number; title: string; fault: Fault; retryable: boolean };

export const failures = {
  "bad-request": { status: 400, title: "The request is malformed", fault: "caller", retryable: false },
  "invalid-json": { status: 400, title: "The body is not strict JSON", fault: "caller", retryable: false },
  "invalid-cursor": { status: 400, title: "The cursor is not one of ours", fault: "caller", retryable: false },
  "idempotency-key-missing": { status: 400, title: "Idempotency-Key is missing", fault: "caller", retryable: false },
  "idempotency-key-invalid": { status: 400, title: "Idempotency-Key is malformed", fault: "caller", retryable: false },
  unauthorized: { status: 401, title: "No valid API key", fault: "caller", retryable: false },
  "scope-missing": { status: 403, title: "The key lacks a scope", fault: "caller", retryable: false },
  "not-found": { status: 404, title: "There is no such thing here", fault: "caller", retryable: false },
  "method-not-allowed": { status: 405, title: "The path does not take this method", fault: "caller", retryable: false },
  "not-acceptable": { status: 406, title: "No representation fits Accept", fault: "caller", retryable: false },
  "request-timeout": { status: 408, title: "The request did not arrive in time", fault: "caller", retryable: true },
  "account-paused": { status: 409, title: "The account is paused", fault: "caller", retryable: false },
  "account-authentication-failed": {
    status: 409,
    title: "The mail server refused the account's login",
    fault: "caller",
    retryable: false,
  },
  "account-exists": { status: 409, title: "An account with this externalId exists", fault: "caller", retryable: false },
  "folder-exists": { status: 409, title: "A folder with this name exists", fault: "caller", retryable: false },
  "folder-protected": { status: 409, title: "The folder can't be changed", fault: "caller", retryable: false },
  "not-cancelable": {
    status: 409,
    title: "The submission can't be canceled any more",
    fault: "caller",
    retryable: false,
  },
  "not-changeable": {
    status: 409,
    title: "It can't be changed in this state",
    fault: "caller",
    retryable: false,
  },
  "idempotency-in-progress": {
    status: 409,
    title: "The same request is still being worked on",
    fault: "caller",
    retryable: true,
  },
  "message-gone": { status: 410, title: "The message is no longer there", fault: "caller", retryable: false },
  "cursor-expired": { status: 410, title: "The cursor has expired", fault: "caller", retryable: false },
  "changes-expired": { status: 410, title: "Events this old are no longer kept", fault: "caller", retryable: false },
  "precondition-failed": { status: 412, title: "The precondition does not hold", fault: "caller", retryable: false },
  "body-too-large": { status: 413, title: "The body is too large", fault: "caller", retryable: false },
  "message-too-large": { status: 413, title: "The message is too large", fault: "caller", retryable: false },
  "uri-too-long": { status: 414, title: "The URI is too long", fault: "caller", retryable: false },
  "unsupported-media-type": {
    status: 415,
    title: "The content type is not taken here",
    fault: "caller",
    retryable: false,
  },
  "range-not-satisfiable": {
    status: 416,
    title: "The range lies outside the content",
    fault: "caller",
    retryable: false,
  },
  "validation-failed": {
    status: 422,
    title: "The request does not pass validation",
    fault: "caller",
    retryable: false,
  },
  "verification-failed": { status: 422, title: "The account could not be verified", fault: "caller", retryable: false },
  "address-not-allowed": { status: 422, title: "The address is not allowed", fault: "caller", retryable: false },
  "no-incoming": { status: 422, title: "The account has no incoming server", fault: "caller", retryable: false },
  "no-outgoing": { status: 422, title: "The account has no outgoing server", fault: "caller", retryable: false },
  "unsupported-by-protocol": { status: 422, title: "The protocol can't do this", fault: "upstream", retryable: false },
  "unsupported-by-server": { status: 422, title: "The mail server can't do this", fault: "upstream", retryable: false },
  "unsupported-by-runtime": { status: 422, title: "This runtime can't do this", fault: "operator", retryable: false },
  "refused-by-server": { status: 422, title: "The mail server refused", fault: "upstream", retryable: false },
  "idempotency-key-reused": {
    status: 422,
    title: "Idempotency-Key was used for another request",
    fault: "caller",
    retryable: false,
  },
  "mailbox-locked": {
    status: 423,
    title: "The mailbox is locked by another session",
    fault: "upstream",
    retryable: true,
  },
  "rate-limited": { status: 429, title: "Too many requests", fault: "caller", retryable: true },
  "headers-too-large": { status: 431, title: "The request headers are too large", fault: "caller", retryable: false },
  internal: { status: 500, title: "Postern failed", fault: "postern", retryable: false },
  "upstream-unreachable": {
    status: 502,
    title: "The mail server can't be reached",
    fault: "upstream",
    retryable: true,
  },
  "dns-not-found": {
    status: 502,
    title: "The mail server's name does not resolve",
    fault: "upstream",
    retryable: false,
  },
  "tls-verification-failed": {
    status: 502,
    title: "The mail server's certificate can't be verified",
    fault: "upstream",
    retryable: false,
  },
  "upstream-protocol-error": {
    status: 502,
    title: "The mail server broke the protocol",
    fault: "upstream",
    retryable: true,
  },
  "delete-unconfirmed": {
    status: 502,
    title: "The mail server did not confirm the deletion",
    fault: "upstream",
    retryable: true,
  },
  "account-busy": {
    status: 503,
    title: "All of the account's sessions are in use",
    fault: "upstream",
    retryable: true,
  },
  "upstream-throttled": {
    status: 503,
    title: "The mail server asks us to slow down",
    fault: "upstream",
    retryable: true,
  },
  "storage-unavailable": { status: 503, title: "The database can't be used", fault: "operator", retryable: true },
  "upstream-timeout": {
    status: 504,
    title: "The mail server did not answer in time",
    fault: "upstream",
    retryable: true,
  },
} as const satisfies Record<string, Kind>;

export type FailureCode = keyof typeof failures;

/** What the mail server said or did, as far as it is safe to tell: never credentials, never mail content. */
export type Upstream = {
  protocol: "imap" | "pop3" | "smtp";
  /** Where in the dialog: resolve, connect, tls, greeting, login, or the command's name. */
  phase: string;
  host: string;
  /** SMTP reply code, or null where the protocol has none. */
  status?: number;
  /** IMAP or POP3 response code (`UNAVAILABLE`, `IN-USE`), or SMTP enhanced status code (`4.7.0`). */
  responseCode?: string;
  /** The server's own words, one line, at most 500 characters. */
  text?: string;
};

/** One thing wrong with the input; `pointer` is an RFC 6901 JSON pointer into the body, or `?name` for a query parameter. */
export type InputError = { pointer: string; code: string; detail: string };

export type FailureDetails = {
  /** What the reader of the problem can do about it, one sentence. */
  fix?: string;
  /** Seconds. */
  retryAfter?: number;
  errors?: InputError[];
  upstream?: Upstream;
  /** Overrides the code's default, where the server's answer tells more. */
  retryable?: boolean;
  /** More members for the problem document (RFC 9457 §3.2), such as `applied` or `side`. */
  extra?: Record<string, unknown>;
  cause?: unknown;
};

/** The only error that crosses rooms. `detail` is for people, one sentence without secrets or mail content. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: FailureCode;
  readonly details: FailureDetails;

  constructor(code: FailureCode, detail: string, details: FailureDetails = {}) {
    super(detail, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return failures[this.code].status;
  }

  get retryable(): boolean {
    return this.details.retryable ?? failures[this.code].retryable;
  }
}

/** A `validation-failed` with one pointer; the shape of every hand-made input check. */
export function invalid(pointer: string, code: string, detail: string): Failure {
  return new Failure("validation-failed", detail, { errors: [{ pointer, code, detail }] });
}
