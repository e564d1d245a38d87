import type Database from "better-sqlite3";
import type { Migration } from "./migrations.ts";
import { migrationsTable, pending } from "./migrations.ts";

/** Applies what is missing, each step in a transaction with its record. */
export function migrateSqlite(db: Database.Database, migrations: Migration[]): void {
  db.exec(migrationsTable);
  const applied = db.prepare<[], string>("select name from migrations").pluck().all();
  for (const { name, sql } of pending(migrations, applied)) {
    db.transaction(() => {
      db.exec(sql);
      db.prepare("insert into migrations (name) values (?)").run(name);
    })();
  }
}
