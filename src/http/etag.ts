import { createHash } from "node:crypto";

/** Raised when the same thing is answered with other octets than before. */
const version = 1;

/** A strong entity tag (RFC 9110 §8.8.3) of octets that never change under these names. */
export function tagOf(...names: string[]): string {
  const hash = createHash("sha256").update(JSON.stringify([version, ...names]));
  return `"${hash.digest("base64url").slice(0, 27)}"`;
}

/** Whether If-None-Match names the entity tag, by weak comparison (RFC 9110 §13.1.2). */
export function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  return tagsIn(ifNoneMatch).some((tag) => tag === "*" || tag.replace(/^W\//, "") === etag);
}

/** Whether If-Match lets the request pass, by strong comparison (RFC 9110 §13.1.1); it does where it is missing. */
export function passes(ifMatch: string | undefined, etag: string): boolean {
  return ifMatch === undefined || tagsIn(ifMatch).some((tag) => tag === "*" || tag === etag);
}

/** Tags of ours hold no comma, so that one inside another's tag does no harm. */
function tagsIn(header: string | undefined): string[] {
  return (header ?? "").split(",").map((tag) => tag.trim());
}
