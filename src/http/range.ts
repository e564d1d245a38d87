import { Failure } from "../errors.ts";
import type { ByteRange } from "../mail/mailbox.ts";

/**
 * What a Range field asks of a content of `size` octets (RFC 9110 §14.1.2, §14.2). Undefined: answer the whole, because
 * the field is missing, malformed, of another unit, or names several ranges. Fails `range-not-satisfiable` when it lies
 * outside; that answer carries `Content-Range` with the size.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=\s*(?:(\d{1,15})-(\d{1,15})?|-(\d{1,15}))\s*$/i.exec(header ?? "");
  if (match === null) return undefined;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) {
    if (Number(suffix) === 0 || size === 0) throw outside(size);
    return { start: Math.max(0, size - Number(suffix)), end: size - 1 };
  }
  const start = Number(first);
  if (last !== undefined && Number(last) < start) return undefined;
  if (start >= size) throw outside(size);
  return { start, end: last === undefined ? size - 1 : Math.min(Number(last), size - 1) };
}

function outside(size: number): Failure {
  return new Failure("range-not-satisfiable", `The range lies outside the ${size} octets.`, { extra: { size } });
}
