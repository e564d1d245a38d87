import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createStore } from "../../src/store/create-store.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import { expectAll, startWriterProcess } from "./writer.ts";

/** Lets a writer work for a while on a database and kills it; gives what it had acknowledged. */
async function killedAmidWork(where: string): Promise<string[]> {
  const writer = startWriterProcess(where);
  await writer.opened;
  await sleep(20 + Math.random() * 120);
  return writer.kill9();
}

/** Kills a writer so many times on one SQLite file, looks for all that was acknowledged, and says how much that was. */
export async function killOnSqlite(rounds: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "postern-kill-"));
  const file = join(directory, "postern.db");
  const lines: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const acknowledged = await killedAmidWork(file);
    const store = createStore(openSqlite(file));
    await expectAll(store, acknowledged);
    await store.close();
    lines.push(...acknowledged);
  }
  const store = createStore(openSqlite(file));
  await expectAll(store, lines);
  await store.close();
  rmSync(directory, { recursive: true });
  return lines.length;
}

/** The same on a Postgres database. */
export async function killOnPostgres(url: string, rounds: number): Promise<number> {
  const lines: string[] = [];
  for (let round = 0; round < rounds; round += 1) lines.push(...(await killedAmidWork(url)));
  const store = createStore(await openPostgres(url));
  await expectAll(store, lines);
  await store.close();
  return lines.length;
}
