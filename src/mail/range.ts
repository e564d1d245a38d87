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

function outside(size: number): Failure {
  return new Failure("range-not-satisfiable", `The range lies outside the ${size} octets.`, { extra: { size } });
}
