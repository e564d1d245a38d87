import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import type { Postgres } from "../servers/postgres.ts";
import { startPostgres } from "../servers/postgres.ts";
import { killOnPostgres, killOnSqlite } from "./kill-rounds.ts";
import { expectAll, startWriterProcess } from "./writer.ts";

describe("what was acknowledged survives kill -9 of the writer", () => {
  test("twenty times on SQLite", { timeout: 120_000 }, async () => {
    expect(await killOnSqlite(20)).toBeGreaterThan(200);
  });

  describe("on Postgres", () => {
    let server: Postgres;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server.stop());

    test("twenty times", { timeout: 120_000 }, async () => {
      expect(await killOnPostgres(await server.database(), 20)).toBeGreaterThan(200);
    });

    test("and of the server, and an open store goes on by itself", { timeout: 120_000 }, async () => {
      const url = await server.database();
      const store = createStore(await openPostgres(url));
      const lines: string[] = [];
      for (let round = 0; round < 4; round += 1) {
        const writer = startWriterProcess(url);
        await writer.opened;
        while (writer.acknowledged() < 20) await sleep(10);
        await server.kill9();
        const gone = { code: "storage-unavailable", retryable: true };
        await expect(store.settings.get("a")).rejects.toMatchObject(gone);
        await expect(store.settings.put("a", "b")).rejects.toMatchObject(gone);
        lines.push(...(await writer.kill9()));
        await server.restart();
        await store.settings.put("a", `${round}`);
        expect(await store.settings.get("a")).toBe(`${round}`);
        await expectAll(store, lines);
      }
      await store.close();
    });

    test("a server that is not there is a failure that says so", async () => {
      const refused = openPostgres("postgres://postgres@127.0.0.1:9/none");
      await expect(refused).rejects.toMatchObject({ code: "storage-unavailable", retryable: true });
    });
  });
});
