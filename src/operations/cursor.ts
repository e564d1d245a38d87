import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { Failure } from "../errors.ts";

/** One page of a list; `nextCursor` is null on the last one. */
export type Page<T> = { data: T[]; nextCursor: string | null };

const version = 1;
const tagLength = 16;
const filterLength = 8;

/** Version and filter, which both sides must agree on; what `JSON.stringify` drops does not count. */
function head(filter: unknown): Buffer {
  const hash = createHash("sha256").update(JSON.stringify(filter)).digest();
  return Buffer.concat([Buffer.of(version), hash.subarray(0, filterLength)]);
}

function tag(content: Uint8Array, key: Uint8Array): Buffer {
  return createHmac("sha256", key).update("postern cursor").update(content).digest().subarray(0, tagLength);
}

/**
 * Seals where a list goes on. `filter` holds everything that the next page must have in common with this one, the list's
 * name and owner first: `["folders", accountId, {…}]`; `position` is JSON of any shape (last key, order, UIDVALIDITY).
 */
export function encodeCursor(key: Uint8Array, filter: unknown, position: unknown): string {
  const content = Buffer.concat([head(filter), Buffer.from(JSON.stringify(position), "utf8")]);
  return Buffer.concat([tag(content, key), content]).toString("base64url");
}

/**
 * The position that `encodeCursor` sealed under the same key for the same filter. Garbage, a forged one, or one from
 * another list, owner, filter or version fails `invalid-cursor`.
 */
export function decodeCursor<T>(key: Uint8Array, filter: unknown, cursor: string, position: z.ZodType<T>): T {
  const octets = Buffer.from(cursor, "base64url");
  const content = octets.subarray(tagLength);
  const expected = head(filter);
  const sound =
    octets.toString("base64url") === cursor &&
    content.length > expected.length &&
    timingSafeEqual(tag(content, key), octets.subarray(0, tagLength)) &&
    content.subarray(0, expected.length).equals(expected);
  if (!sound) throw foreign();
  const parsed = position.safeParse(JSON.parse(content.toString("utf8", expected.length)));
  if (!parsed.success) throw foreign();
  return parsed.data;
}

/** The id that a list of rows goes on behind; null for the first page. Fails `invalid-cursor`. */
export function startOf(key: Uint8Array, filter: unknown, cursor: string | undefined): string | null {
  return cursor === undefined ? null : decodeCursor(key, filter, cursor, z.string());
}

/** A page out of the `limit` + 1 rows that were asked for: the one too many only tells that the list goes on. */
export function pageOfRows<R extends { id: string }, T>(
  key: Uint8Array,
  filter: unknown,
  rows: R[],
  limit: number,
  view: (row: R) => T,
): Page<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  const goesOn = rows.length > limit && last !== undefined;
  return { data: kept.map(view), nextCursor: goesOn ? encodeCursor(key, filter, last.id) : null };
}

function foreign(): Failure {
  return new Failure("invalid-cursor", "The cursor is not one that this list gave out.", {
    fix: "Hand in nextCursor unchanged and keep the other query parameters as they were, or start again without one.",
  });
}
