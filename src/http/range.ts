import type { RangeAsked } from "../mail/range.ts";

/**
 * What a Range field asks for (RFC 9110 §14.1.2, §14.2). Undefined: answer the whole, because the field is missing, malformed,
 * of another unit, or names several ranges.
 */
export function parseRange(header: string | undefined): RangeAsked | undefined {
  const match = /^bytes=\s*(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))\s*$/i.exec(header ?? "");
  if (match === null) return undefined;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) return { suffix: Number(suffix) };
  const asked = { first: Number(first), last: last === undefined ? null : Number(last) };
  return asked.last !== null && asked.last < asked.first ? undefined : asked;
}
