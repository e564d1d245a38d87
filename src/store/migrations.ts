import { readdirSync, readFileSync } from "node:fs";
import { Failure } from "../errors.ts";

/** A step of the schema: its file's name, which sorts in order, and its statements. */
export type Migration = { name: string; sql: string };

/** The steps for a dialect, in order. Node only: a D1 database is migrated by `wrangler d1 migrations apply`. */
export function readMigrations(dialect: "sqlite" | "postgres"): Migration[] {
  const folder = new URL(`../../migrations/${dialect}/`, import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .toSorted()
    .map((name) => ({ name, sql: readFileSync(new URL(name, folder), "utf8") }));
}

/** Where the applied ones are recorded, in both dialects' words. */
export const migrationsTable = "create table if not exists migrations (name text primary key not null)";

/**
 * Those that are still to be applied.
 * Fails with `storage-unavailable` when the database has seen one that we don't know: a newer Postern has written it.
 */
export function pending(migrations: Migration[], applied: string[]): Migration[] {
  const unknown = applied.find((name) => !migrations.some((migration) => migration.name === name));
  if (unknown !== undefined) {
    throw new Failure("storage-unavailable", `The database was written by a newer Postern (${unknown}).`, {
      retryable: false,
      fix: "Start the newer version, or restore a backup that is older than it.",
    });
  }
  return migrations.filter(({ name }) => !applied.includes(name));
}
