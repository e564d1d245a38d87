import type { Placeholder, SQL } from "drizzle-orm";
import { sql } from "drizzle-orm";

type Objects = Record<string, string | number | null>[];
type Columns = Record<string, "text" | "bigint">;

/** What the dialects say each in its own way, where drizzle's builders don't help. Texts are SQL. */
export interface Dialect {
  /**
   * Clauses behind a select that lock its rows until the atomic ends: "exists" against their removal, "unchanged" against any change
   * but ours. "present" and "ours" do the same, passing over those that another one has locked. Empty where atomics run one after another anyway.
   */
  locks: { exists: SQL; present: SQL; unchanged: SQL; ours: SQL };
  /** 16 random lower-case hexadecimal digits, anew for each row. */
  randomHex: string;
  /** Whether the text has the part in it. */
  contains: (text: string, part: string) => string;
  /**
   * What stands behind `from`: a row for each object, its columns by their names. One value is bound, whatever the number of rows: `rowsText`
   * makes it of them. In a query that is prepared a placeholder stands for it.
   */
  rows: (objects: Objects | Placeholder, columns: Columns) => SQL;
  rowsText: (objects: Objects, columns: Columns) => string;
  /** So many of the octets, from the `from`th on (from 1); both are SQL that gives whole numbers. */
  slice: (octets: Uint8Array, from: SQL, length: SQL) => SQL;
}

/** SQLite's, and D1's. */
export const sqliteDialect: Dialect = {
  locks: { exists: sql``, present: sql``, unchanged: sql``, ours: sql`` },
  randomHex: "lower(hex(randomblob(8)))",
  contains: (text, part) => `instr(${text}, ${part}) > 0`,
  // A list for each: SQLite finds a member by its place sooner than by its name.
  rowsText(objects, columns) {
    const names = Object.keys(columns);
    return JSON.stringify(objects.map((object) => names.map((name) => object[name] ?? null)));
  },
  rows(objects, columns) {
    const taken = Object.keys(columns).map((name, at) => `value ->> ${at} as ${name}`);
    const text = Array.isArray(objects) ? sqliteDialect.rowsText(objects, columns) : objects;
    return sql`(select ${sql.raw(taken.join(", "))} from json_each(${text}))`;
  },
  slice: (octets, from, length) => sql`substr(${octets}, ${from}, ${length})`,
};

export const postgresDialect: Dialect = {
  locks: {
    exists: sql`for key share`,
    present: sql`for key share skip locked`,
    unchanged: sql`for no key update`,
    ours: sql`for no key update skip locked`,
  },
  // The second half of a random UUID: the first one has its version in it. (md5 is not to be had everywhere.)
  randomHex: "substr(replace(cast(gen_random_uuid() as text), '-', ''), 17)",
  contains: (text, part) => `strpos(${text}, ${part}) > 0`,
  rowsText: (objects) => JSON.stringify(objects),
  rows(objects, columns) {
    const typed = Object.entries(columns).map(([name, type]) => `${name} ${type}`);
    const text = Array.isArray(objects) ? postgresDialect.rowsText(objects, columns) : objects;
    return sql`(select * from json_to_recordset(cast(${text} as json)) as given(${sql.raw(typed.join(", "))}))`;
  },
  slice: (octets, from, length) =>
    sql`substr(cast(${octets} as bytea), cast(${from} as integer), cast(${length} as integer))`,
};
