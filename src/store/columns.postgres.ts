import { bigint, customType, text } from "drizzle-orm/pg-core";

/** The types of columns as Postgres holds them; `columns.sqlite.ts` explains them. */

export const json = <T>() =>
  customType<{ data: T; driverData: string }>({
    dataType: () => "text",
    toDriver: (value) => JSON.stringify(value),
    fromDriver: (value): T => JSON.parse(value),
  });

export const tags = <T extends string>() =>
  customType<{ data: T[]; driverData: string }>({
    dataType: () => "text",
    toDriver: (value) => `|${value.map((tag) => `${tag}|`).join("")}`,
    fromDriver: (value) => value.split("|").slice(1, -1) as T[],
  });

export const flag = customType<{ data: boolean; driverData: string | number }>({
  dataType: () => "bigint",
  toDriver: (value) => (value ? 1 : 0),
  fromDriver: (value) => Number(value) !== 0,
});

export const octets = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => "bytea",
});

/** A whole number below 2^53. */
export const whole = <N extends string>(name: N) => bigint(name, { mode: "number" });

export const claim = {
  owner: text("owner"),
  epoch: whole("epoch").notNull(),
  leaseUntil: whole("lease_until").notNull(),
  deaths: whole("deaths").notNull(),
};
