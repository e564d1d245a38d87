import type { SQL } from "drizzle-orm";
import type { BatchItem, BatchResponse } from "drizzle-orm/batch";
import type { BaseSQLiteDatabase, SQLiteTable } from "drizzle-orm/sqlite-core";
import { sql } from "drizzle-orm";
import { Failure } from "../errors.ts";
import type { Dialect } from "./dialect.ts";
import type { Tables } from "./parity.ts";

/** What every dialect's builder has alike. Awaiting a query runs it: `get`, `all`, `run`, `execute` are not common. */
export type Db = Pick<BaseSQLiteDatabase<"async", unknown>, "select" | "insert" | "update" | "delete">;

export type Query = BatchItem<"sqlite">;
export type Queries = [Query, ...Query[]];

/** "refused": a `require` did not hold. "taken": a unique key stands already. Nothing was written in either case. */
export type Refusal = "refused" | "taken";

/**
 * The query that aborts its atomic unless a row of `table` meets the condition. On Postgres that row is then locked
 * until the end, so that the condition still holds there: "exists" against its removal, "unchanged" against any change.
 */
export type Require = (table: SQLiteTable, condition: SQL | undefined, keep: "exists" | "unchanged") => Query;

/** An open database, as an opener gives it to the repositories. */
export interface Handle {
  tables: Tables;
  dialect: Dialect;
  /** Runs one query that reads. Fails with `storage-unavailable`. */
  read<T>(build: (db: Db) => PromiseLike<T>): Promise<T>;
  /**
   * Runs the queries in order, all or none, and gives their results; on disk when it resolves. Non-interactive: no query
   * sees another's result but through SQL. Fails with `storage-unavailable`.
   */
  atomic<const Q extends Queries>(build: (db: Db, require: Require) => Q): Promise<BatchResponse<Q> | Refusal>;
  /**
   * Runs one query that writes, an atomic of its own that nothing refuses; it may be prepared. On disk when it resolves. Fails with
   * `storage-unavailable`.
   */
  write<T>(build: (db: Db) => PromiseLike<T>): Promise<T>;
  /** The database's time, milliseconds since the epoch; absent where one process has the database. Fails with `storage-unavailable`. */
  now?: () => Promise<number>;
  close(): Promise<void>;
}

/** Makes a dialect's `require`. */
export function requireWith(db: Db, { fences }: Pick<Tables, "fences">, { locks }: Dialect): Require {
  return (table, condition, keep) =>
    db
      .insert(fences)
      .select(
        sql`select cast(null as integer) where not exists (select 1 from ${table} where ${condition} ${locks[keep]})`,
      );
}

/** The results of an atomic that has nothing to be refused by. */
export async function done<T>(atomic: Promise<T | Refusal>): Promise<Exclude<T, Refusal>> {
  const results = await atomic;
  if (isRefusal(results)) throw new Failure("internal", `A write that can't be refused was: ${results}.`);
  return results as Exclude<T, Refusal>;
}

/** The results of an atomic that requires its account to exist. Fails `not-found` when the account is gone. */
export async function ofAccount<T>(atomic: Promise<T | Refusal>): Promise<Exclude<T, Refusal>> {
  const results = await atomic;
  if (results === "refused") throw new Failure("not-found", "The account is gone.");
  return done(Promise.resolve(results));
}

export function isRefusal(results: unknown): results is Refusal {
  return results === "refused" || results === "taken";
}

/** D1 binds at most 100 values in one query: the items in groups of which each binds at most 90. */
export function groups<T>(items: Iterable<T>, valuesEach = 1): T[][] {
  const all = [...items];
  const size = Math.floor(90 / valuesEach);
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
