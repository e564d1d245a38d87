import Database from "better-sqlite3";
import { sql } from "drizzle-orm";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import { expectAll, startWriterProcess } from "./writer.ts";

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-file-"));
  file = join(directory, "data", "postern.db");
});
afterEach(() => rmSync(directory, { recursive: true }));

const inUse = {
  code: "storage-unavailable",
  retryable: false,
  message: expect.stringContaining("Another process uses"),
};

test("a second process refuses to start while the first one runs, and not after its kill -9", async () => {
  const first = startWriterProcess(file);
  await first.opened;
  const second = startWriterProcess(file);
  await expect(second.opened).rejects.toThrow("Another process uses the database");
  expect(() => openSqlite(file)).toThrow(expect.objectContaining(inUse));

  const acknowledged = await first.kill9();
  const store = createStore(openSqlite(file));
  await expectAll(store, acknowledged);
  await store.close();
});

test("the same process can't open it twice either, but again after closing", async () => {
  const handle = openSqlite(file);
  expect(() => openSqlite(file)).toThrow(expect.objectContaining(inUse));
  await handle.close();
  await openSqlite(file).close();
});

test("only the owner may read the files, whatever mode they had", async () => {
  await openSqlite(file).close();
  const plain = new Database(file);
  plain.close();
  const handle = openSqlite(file);
  await createStore(handle).settings.put("a", "b");
  const modes = ["", "-wal", "-shm", ".lock"].map((suffix) => statSync(`${file}${suffix}`).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600, 0o600, 0o600]);
  await handle.close();
  // All is in the one file again, so that it can be copied.
  expect(existsSync(`${file}-wal`)).toBe(false);
});

/**
 * Counted under strace on ext4: a hundred writes one after another make a hundred calls of fsync. better-sqlite3 makes
 * none in WAL unless the pragma is set by hand, though it reads 2 all the same; what this sees is that the line is there
 * and that the writer's connection is what it says.
 */
test("the writer syncs fully, in WAL", async () => {
  const handle = openSqlite(file);
  const { settings } = handle.tables;
  await handle.atomic((db) => [
    db.insert(settings).select(sql`select 'synchronous', cast(synchronous as text) from pragma_synchronous`),
    db.insert(settings).select(sql`select 'journal', journal_mode from pragma_journal_mode`),
  ]);
  const store = createStore(handle);
  expect(await store.settings.get("synchronous")).toBe("2");
  expect(await store.settings.get("journal")).toBe("wal");
  await store.close();
});

test("a file that a newer Postern has written is left alone", async () => {
  await openSqlite(file).close();
  const newer = new Database(file);
  newer.exec("insert into migrations (name) values ('9999_from_the_future.sql')");
  newer.close();
  expect(() => openSqlite(file)).toThrow(expect.objectContaining({ code: "storage-unavailable", retryable: false }));
  expect(() => openSqlite(file)).toThrow(/newer Postern \(9999_from_the_future\.sql\)/);
});

test("a file that is no database is a failure with a name", () => {
  file = join(directory, "text");
  writeFileSync(file, "not a database, but long enough to be looked at as one".repeat(100));
  expect(() => openSqlite(file)).toThrow(expect.objectContaining({ code: "storage-unavailable" }));
});

test("another's lock on the file delays writes, and reads go on", async () => {
  const handle = openSqlite(file);
  const store = createStore(handle);
  await store.settings.put("a", "1");
  const other = new Database(file);
  other.exec("begin immediate");
  const late = store.settings.put("a", "2");
  expect(await store.settings.get("a")).toBe("1");
  other.exec("rollback");
  other.close();
  await late;
  expect(await store.settings.get("a")).toBe("2");
  await store.close();
});

test("one turn of the event loop reads one state, and the next one what has come since", async () => {
  const store = createStore(openSqlite(file));
  await store.settings.put("a", "1");
  const other = new Database(file);
  expect(await store.settings.get("a")).toBe("1");
  other.exec("update settings set value = '2' where name = 'a'");
  other.close();
  expect(await store.settings.get("a")).toBe("1");
  await nextTurn();
  expect(await store.settings.get("a")).toBe("2");
  await store.close();
});

test("a write that was answered is seen, also in a turn that has read before", async () => {
  const store = createStore(openSqlite(file));
  await store.settings.put("a", "1");
  // Timers come before messages in a turn, and its end comes after both.
  await new Promise((resolve) => setTimeout(resolve, 1));
  expect(await store.settings.get("a")).toBe("1");
  const written = store.settings.put("a", "2");
  const other = new Database(file);
  const stands = other.prepare("select value from settings where name = 'a'").pluck();
  const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  for (let left = 5_000; stands.get() !== "2" && left > 0; left -= 10) wait(10);
  wait(50); // by now it is told, too
  other.close();
  await written;
  expect(await store.settings.get("a")).toBe("2");
  await store.close();
});

test("what was asked before closing is done; what is asked after is refused by name", async () => {
  const store = createStore(openSqlite(file));
  const writes = Array.from({ length: 50 }, (_, i) => store.settings.put(`k${i}`, "v"));
  await store.close();
  await Promise.all(writes);
  const closed = { code: "storage-unavailable" };
  await expect(store.settings.put("late", "v")).rejects.toMatchObject(closed);
  await expect(store.settings.get("k1")).rejects.toMatchObject(closed);
  const again = createStore(openSqlite(file));
  for (let i = 0; i < 50; i += 1) expect(await again.settings.get(`k${i}`)).toBe("v");
  await again.close();
});
