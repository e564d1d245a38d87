import { customType, integer, text } from "drizzle-orm/sqlite-core";

/** The types of columns as SQLite and D1 hold them; `columns.postgres.ts` has the same. */

export const json = <T>() =>
  customType<{ data: T; driverData: string }>({
    dataType: () => "text",
    toDriver: (value) => JSON.stringify(value),
    fromDriver: (value): T => JSON.parse(value),
  });

/** Words of a closed list, or ids, each between bars ("|a|b|"), so that a query can tell whether one is among them. */
export const tags = <T extends string>() =>
  customType<{ data: T[]; driverData: string }>({
    dataType: () => "text",
    toDriver: (value) => `|${value.map((tag) => `${tag}|`).join("")}`,
    fromDriver: (value) => value.split("|").slice(1, -1) as T[],
  });

export const flag = customType<{ data: boolean; driverData: number }>({
  dataType: () => "integer",
  toDriver: (value) => (value ? 1 : 0),
  fromDriver: (value) => value !== 0,
});

/** better-sqlite3 gives a Buffer, D1 an array of numbers. */
export const octets = customType<{ data: Uint8Array; driverData: Uint8Array | number[] }>({
  dataType: () => "blob",
  fromDriver: (value) => (value instanceof Uint8Array ? value : Uint8Array.from(value)),
});

/** A whole number below 2^53. */
export const whole = <N extends string>(name: N) => integer(name);

/** Of rows that are handed to one worker at a time. */
export const claim = {
  /** Who has claimed it; null when nobody has. */
  owner: text("owner"),
  /** Counts the claims. */
  epoch: whole("epoch").notNull(),
  /** When the claim runs out; 0 when there is none. */
  leaseUntil: whole("lease_until").notNull(),
  /** How many claims in a row ran out instead of being given back. */
  deaths: whole("deaths").notNull(),
};
