import type { InferInsertModel, InferSelectModel, Table } from "drizzle-orm";
import * as schema from "./schema.postgres.ts";
import type { sqliteTables } from "./tables.sqlite.ts";
import * as watching from "./watching.postgres.ts";

/** What the repositories are written against: SQLite's tables, which Postgres's equal column by column. */
export type Tables = typeof sqliteTables;

const postgres = { ...schema, ...watching };

type Equal<A, B> = [A, B] extends [B, A] ? true : false;

type SameTable<A, B> = A extends Table
  ? B extends Table
    ? Equal<InferSelectModel<A>, InferSelectModel<B>> extends true
      ? Equal<InferInsertModel<A>, InferInsertModel<B>>
      : false
    : false
  : false;

/** The names of the tables that differ or that one side lacks. */
type Drift<A, B> =
  | Exclude<keyof A, keyof B>
  | Exclude<keyof B, keyof A>
  | { [K in keyof A & keyof B]: SameTable<A[K], B[K]> extends true ? never : K }[keyof A & keyof B];

/** Does not compile when the two schemas drift apart; the error names the tables. */
const drift: [Drift<Tables, typeof postgres>] extends [never] ? null : Drift<Tables, typeof postgres> = null;

/**
 * Postgres's tables under the common type. The builders that both dialects have (select, insert, update, delete, on
 * conflict, returning) are alike, and `drift` shows that the columns are: this is one of the two casts that lets one repository
 * layer serve both, the other being the database's in `open-postgres.ts`.
 */
export const postgresTables: Tables = drift ?? (postgres as unknown as Tables);
