import type { Placeholder, SQL } from "drizzle-orm";
import { sql } from "drizzle-orm";
import type { Dialect } from "./dialect.ts";

/** A row as it is bound, its columns by their names in the database. */
export type Given = Record<string, string | number | null>;

type Binds = Pick<Dialect, "rowsText" | "rows">;

type BoundColumn = { name: string; getSQLType(): string; mapToDriverValue(value: unknown): unknown };

/**
 * Rows of a table, whole or in part, that are bound as one value and stand behind `from` as `given`: drizzle takes longer to
 * build a query with a value for each column of each row than the database to run it. Columns are texts and whole numbers, and
 * what is kept as text; `extra` are of no table.
 */
export function givenRows<K extends string>(
  columns: Record<K, BoundColumn>,
  extra: Record<string, "text" | "bigint"> = {},
) {
  const kept = Object.entries<BoundColumn>(columns);
  const types: Record<string, "text" | "bigint"> = { ...extra };
  for (const [, column] of kept) types[column.name] = column.getSQLType() === "text" ? "text" : "bigint";

  return {
    /** A row as it is bound. */
    of(row: Record<K, unknown>, more: Given = {}): Given {
      const given = { ...more };
      const values: Record<string, unknown> = row;
      for (const [key, column] of kept) {
        const value = values[key];
        given[column.name] = value === null ? null : (column.mapToDriverValue(value) as string | number);
      }
      return given;
    },
    /** What stands behind `from`. */
    from: (dialect: Binds, given: Given[] | Placeholder): SQL => sql`${dialect.rows(given, types)} as given`,
    /** What is bound, for a placeholder in its place. */
    text: (dialect: Binds, given: Given[]): string => dialect.rowsText(given, types),
  };
}

/** Of texts, in one query: D1 binds at most 2 MB, and a character takes three octets at most, and seldom more than one. */
const mostCharacters = 500_000;

/** The rows in groups that are small enough for one query each. */
export function bySize<T>(items: T[], sizeOf: (item: T) => number): T[][] {
  const found: T[][] = [];
  let room = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (room < size || found.length === 0) {
      found.push([]);
      room = mostCharacters;
    }
    found.at(-1)?.push(item);
    room -= size;
  }
  return found;
}

/** How many characters a bound row has in its texts. */
export function charactersOf(given: Given): number {
  let characters = 0;
  for (const value of Object.values(given)) if (typeof value === "string") characters += value.length;
  return characters;
}
