const maxWait = 60;

/** The seconds of `wait` in a Prefer field (RFC 7240 §4.3), 60 at most; 0 without one. What is not understood is ignored. */
export function waitOf(prefer: string | undefined): number {
  for (const preference of (prefer ?? "").split(",")) {
    const [, seconds] = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference) ?? [];
    if (seconds !== undefined) return Math.min(Number(seconds), maxWait);
  }
  return 0;
}
