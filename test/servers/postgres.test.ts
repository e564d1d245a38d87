import { Client } from "pg";
import { beforeAll, expect, test } from "vitest";

import { startPostgres } from "./postgres.ts";
import { provision } from "./provision.ts";

beforeAll(() => provision(["postgres"]), 300_000);

test("answers queries, and keeps what was committed when it is killed", async () => {
  const postgres = await startPostgres();
  const url = await postgres.database();
  expect(await ask(url, "show fsync")).toEqual([{ fsync: "on" }]);
  await ask(url, "create table kept as select 7 as seven");
  await postgres.kill9();
  await expect(ask(url, "select 1")).rejects.toThrow("ECONNREFUSED");
  await postgres.restart();
  expect(await ask(url, "select seven from kept")).toEqual([{ seven: 7 }]);
  expect(await postgres.database()).not.toBe(url);
  await postgres.stop();
}, 30_000);

async function ask(url: string, sql: string): Promise<unknown[]> {
  const client = new Client(url);
  client.on("error", () => {});
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return rows;
}
