import { type Failure, failures } from "../errors.ts";
import { keepWhole } from "./whole-answer.ts";

/** The body of a failure: RFC 9457, with the members of DESIGN §5. */
export function problemBody(failure: Failure, requestId: string): Record<string, unknown> {
  const { fix, retryAfter, errors, upstream, extra } = failure.details;
  const standing = {
    type: `urn:postern:problem:${failure.code}`,
    title: failures[failure.code].title,
    status: failure.status,
    code: failure.code,
    detail: failure.message,
    instance: `urn:postern:request:${requestId}`,
    requestId,
    retryable: failure.retryable,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(fix !== undefined && { fix }),
    ...(errors !== undefined && { errors }),
    ...(upstream !== undefined && { upstream }),
  };
  // Told last, and never in the place of a standing member.
  return { ...standing, ...extra, ...standing };
}

/** The headers that a failure's answer carries, X-Request-Id included. */
export function problemHeaders(failure: Failure, requestId: string): Record<string, string> {
  const headers: Record<string, string> = {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "X-Request-Id": requestId,
  };
  if (failure.code === "unauthorized") headers["WWW-Authenticate"] = 'Bearer realm="postern"';
  if (failure.details.retryAfter !== undefined) headers["Retry-After"] = String(Math.ceil(failure.details.retryAfter));
  return headers;
}

/** A failure as the answer to a request; `more` adds headers such as Allow. */
export function problem(failure: Failure, requestId: string, more: Record<string, string> = {}): Response {
  const text = JSON.stringify(problemBody(failure, requestId));
  const headers = { ...problemHeaders(failure, requestId), ...more };
  return keepWhole(new Response(text, { status: failure.status, headers }), text);
}
