import { Failure } from "../errors.ts";
import type { ByteRange } from "./mailbox.ts";

/** A range as it is asked for (RFC 9110 §14.1.2): `last` null is to the end; `suffix` is that many octets before the end. */
export type RangeAsked = { first: number; last: number | null } | { suffix: number };

/** What is wanted of a content: "none" only finds out about it. */
export type OctetsAsked = "all" | "none" | RangeAsked;

/** Which octets of a content of `size` octets are asked for. Fails `range-not-satisfiable` with the size. */
export function resolveRange(asked: RangeAsked, size: number): ByteRange {
  if ("suffix" in asked) {
    if (asked.suffix === 0 || size === 0) throw outside(size);
    return { start: Math.max(0, size - asked.suffix), end: size - 1 };
  }
  if (asked.first >= size) throw outside(size);
  return { start: asked.first, end: Math.min(asked.last ?? Infinity, size - 1) };
}

export const whole: ByteRange = { start: 0, end: Infinity };

/** Fails `range-not-satisfiable` for what is no range of octets, or begins where the protocol can't count to. */
export function assertRange({ start, end }: ByteRange, countable = Infinity): void {
  const isWhole = Number.isSafeInteger(start) && (end === Infinity || Number.isSafeInteger(end));
  if (isWhole && start >= 0 && end >= start && start < countable) return;
  throw new Failure("range-not-satisfiable", "The range is not one of octets of a message.");
}

function outside(size: number): Failure {
  return new Failure("range-not-satisfiable", `The range lies outside the ${size} octets.`, { extra: { size } });
}
