import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Postgres } from "../servers/postgres.ts";
import { startPostgres } from "../servers/postgres.ts";
import { expectAll, startWriterProcess } from "./writer.ts";

/** Lets a writer work for a while on a database and kills it; gives what it had acknowledged. */
async function killedAmidWork(where: string): Promise<string[]> {
  const writer = startWriterProcess(where);
  await writer.opened;
  await sleep(20 + Math.random() * 120);
  return writer.kill9();
}

describe("what was acknowledged survives kill -9 of the writer", () => {
  test("twenty times on SQLite", { timeout: 120_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), "postern-kill-"));
    const file = join(directory, "postern.db");
    const lines: string[] = [];
    for (let round = 0; round < 20; round += 1) {
      const acknowledged = await killedAmidWork(file);
      const store = createStore(openSqlite(file));
      await expectAll(store, acknowledged);
      await store.close();
      lines.push(...acknowledged);
    }
    expect(lines.length).toBeGreaterThan(200);
    const store = createStore(openSqlite(file));
    await expectAll(store, lines);
    await store.close();
    rmSync(directory, { recursive: true });
  });

  describe("on Postgres", () => {
    let server: Postgres;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server.stop());

    test("twenty times", { timeout: 120_000 }, async () => {
      const url = await server.database();
      const lines: string[] = [];
      for (let round = 0; round < 20; round += 1) lines.push(...(await killedAmidWork(url)));
      expect(lines.length).toBeGreaterThan(200);
      const store = createStore(await openPostgres(url));
      await expectAll(store, lines);
      await store.close();
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
