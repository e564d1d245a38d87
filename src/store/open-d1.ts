import { drizzle } from "drizzle-orm/d1";
import { Failure } from "../errors.ts";
import { sqliteDialect as dialect } from "./dialect.ts";
import { rootOf, sqliteMeaning, storageFailure } from "./failures.ts";
import type { Db, Handle } from "./handle.ts";
import { requireWith } from "./handle.ts";
import { sqliteTables as tables } from "./tables.sqlite.ts";

/** A D1 database as the Worker's environment binds it. */
export interface D1Binding {
  prepare(query: string): { bind(...values: unknown[]): object; run(): Promise<unknown> };
  batch(statements: never[]): Promise<unknown[]>;
}

/** The database behind the binding, migrated before by `wrangler d1 migrations apply`. Nothing is sent by opening it. */
export function openD1(binding: D1Binding): Handle {
  const db = drizzle(binding as Parameters<typeof drizzle>[0]);
  const require = requireWith(db, tables, dialect);

  async function run<T>(build: (db: Db) => PromiseLike<T>): Promise<T> {
    try {
      return await build(db);
    } catch (error) {
      throw failureOf(error);
    }
  }

  return {
    tables,
    dialect,

    read: run,
    write: run,

    async atomic(build) {
      try {
        return await db.batch(build(db, require));
      } catch (error) {
        const meaning = meaningOf(error);
        if (meaning === "refused" || meaning === "taken") return meaning;
        throw failureOf(error);
      }
    },

    close: () => Promise.resolve(),
  };
}

/** D1 has no code beside the message, which ends with SQLite's ("D1_ERROR: …: SQLITE_CONSTRAINT"). */
function meaningOf(error: unknown) {
  const root = rootOf(error);
  const message = root instanceof Error ? root.message : "";
  return sqliteMeaning(codeIn(message), message);
}

function codeIn(message: string): string {
  if (message.includes("UNIQUE constraint failed")) return "SQLITE_CONSTRAINT_UNIQUE";
  if (message.includes("NOT NULL constraint failed")) return "SQLITE_CONSTRAINT_NOTNULL";
  if (message.includes("D1_TYPE_ERROR")) return "SQLITE_MISMATCH";
  return (
    /SQLITE_[A-Z_]+|overloaded|reset|timeout|connection lost|fetch failed|internal error/.exec(message)?.[0] ??
    "D1_ERROR"
  );
}

function failureOf(error: unknown): Failure {
  const root = rootOf(error);
  if (root instanceof Failure) return root;
  const code = codeIn(root instanceof Error ? root.message : "");
  return storageFailure(sqliteMeaning(code, "") === "unavailable" ? "unavailable" : "bug", code);
}
