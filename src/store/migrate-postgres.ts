import { Client } from "pg";
import type { Migration } from "./migrations.ts";
import { migrationsTable, pending } from "./migrations.ts";

/** Any number that no other program on the database is likely to choose. */
const lockNumber = 7_678_376_637;

/** Applies what is missing, each step in a transaction with its record; one process at a time. */
export async function migratePostgres(url: string, migrations: Migration[]): Promise<void> {
  const client = new Client({ connectionString: url, application_name: "postern", connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [lockNumber]);
    await client.query(migrationsTable);
    const applied = await client.query<{ name: string }>("select name from migrations");
    const names = applied.rows.map(({ name }) => name);
    for (const { name, sql } of pending(migrations, names)) {
      await client.query("begin");
      await client.query(sql);
      await client.query("insert into migrations (name) values ($1)", [name]);
      await client.query("commit");
    }
  } finally {
    // Ends the transaction and gives the lock back as well.
    await client.end();
  }
}
