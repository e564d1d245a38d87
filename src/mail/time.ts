/** Milliseconds since the epoch as RFC 3339 in UTC with milliseconds: the one form of time in the API. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

export function timestampOrNull(ms: number | null): string | null {
  return ms === null ? null : timestamp(ms);
}
