import { expect, test } from "vitest";
import { startPostgres } from "../servers/postgres.ts";
import { killOnPostgres, killOnSqlite } from "./kill-rounds.ts";

test("what was acknowledged survives 200 times kill -9 of the writer on SQLite", async () => {
  expect(await killOnSqlite(200)).toBeGreaterThan(2000);
});

test("and on Postgres", async () => {
  const server = await startPostgres();
  expect(await killOnPostgres(await server.database(), 200)).toBeGreaterThan(2000);
  await server.stop();
});
