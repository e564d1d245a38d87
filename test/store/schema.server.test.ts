import Database from "better-sqlite3";
import { getTableColumns, getTableName } from "drizzle-orm";
import type { QueryResultRow } from "pg";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migratePostgres } from "../../src/store/migrate-postgres.ts";
import { migrateSqlite } from "../../src/store/migrate-sqlite.ts";
import { readMigrations } from "../../src/store/migrations.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import { postgresTables } from "../../src/store/parity.ts";
import type { Postgres } from "../servers/postgres.ts";
import { startPostgres } from "../servers/postgres.ts";

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const migrations = readMigrations("postgres");

type Column = { table_name: string; column_name: string; data_type: string; nullable: boolean; column_default: string };

async function columnsOf(url: string): Promise<Column[]> {
  return query<Column>(
    url,
    `select table_name, column_name, data_type, is_nullable = 'YES' as nullable, column_default
       from information_schema.columns where table_schema = 'public' and table_name <> 'migrations'
      order by table_name, ordinal_position`,
  );
}

async function query<T extends QueryResultRow>(url: string, text: string): Promise<T[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

test("the steps make the tables of the Postgres schema, and no others", async () => {
  const url = await server.database();
  await migratePostgres(url, migrations);
  const made = await columnsOf(url);
  const expected = Object.values(postgresTables)
    .toSorted((a, b) => (getTableName(a) < getTableName(b) ? -1 : 1))
    .flatMap((table) =>
      Object.values(getTableColumns(table)).map((column) => [getTableName(table), column.name, !column.notNull]),
    );
  expect(made.map((column) => [column.table_name, column.column_name, column.nullable])).toEqual(expected);
  const primaryKeys = await query<{ name: string }>(
    url,
    `select table_name || '.' || column_name as name from information_schema.key_column_usage`,
  );
  const withoutDefault = made
    .filter((column) => !column.nullable && column.column_default === null)
    .map((column) => `${column.table_name}.${column.column_name}`);
  for (const name of withoutDefault) expect(primaryKeys).toContainEqual({ name });
});

test("Postgres and SQLite have the same indexes", async () => {
  const url = await server.database();
  await migratePostgres(url, migrations);
  const made = await query<{ indexname: string }>(url, "select indexname from pg_indexes where schemaname = 'public'");
  const db = new Database(":memory:");
  migrateSqlite(db, readMigrations("sqlite"));
  const named = db.prepare("select name from sqlite_schema where type = 'index' and sql is not null").pluck().all();
  expect(named.length).toBeGreaterThan(10);
  const byHand = made.map(({ indexname }) => indexname).filter((name) => !name.endsWith("_pkey"));
  expect(byHand.toSorted()).toEqual(named.map(String).toSorted());
});

test("from every earlier state the steps lead to the same schema", async () => {
  const whole = await server.database();
  await migratePostgres(whole, migrations);
  for (let count = 0; count <= migrations.length; count += 1) {
    const url = await server.database();
    await migratePostgres(url, migrations.slice(0, count));
    await migratePostgres(url, migrations);
    expect(await columnsOf(url)).toEqual(await columnsOf(whole));
  }
});

test("a step that fails leaves nothing of itself", async () => {
  const url = await server.database();
  const broken = [
    ...migrations,
    { name: "9999_broken.sql", sql: "create table half (a int); create table half (a int)" },
  ];
  await expect(migratePostgres(url, broken)).rejects.toThrow("half");
  await migratePostgres(url, migrations);
  expect((await columnsOf(url)).some((column) => column.table_name === "half")).toBe(false);
});

test("many processes that start at once migrate it once", async () => {
  const url = await server.database();
  const handles = await Promise.all(Array.from({ length: 8 }, () => openPostgres(url)));
  const applied = await query<{ name: string }>(url, "select name from migrations order by name");
  expect(applied.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name));
  await Promise.all(handles.map((handle) => handle.close()));
});

test("a database that a newer Postern has written is left alone", async () => {
  const url = await server.database();
  await migratePostgres(url, migrations);
  await query(url, "insert into migrations (name) values ('9999_from_the_future.sql')");
  await expect(openPostgres(url)).rejects.toMatchObject({ code: "storage-unavailable", retryable: false });
});
