import Database from "better-sqlite3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Statement, Writer } from "../../src/store/sqlite-link.ts";
import { startWriter } from "../../src/store/sqlite-link.ts";

let directory: string;
let path: string;
let writer: Writer;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-writer-"));
  path = join(directory, "a.db");
  writer = startWriter({ path });
});
afterEach(async () => {
  await writer.close();
  rmSync(directory, { recursive: true });
});

const statement = (sql: string, ...params: unknown[]): Statement => ({
  sql,
  params,
  returns: sql.includes("returning"),
});
const insert = (a: unknown) => writer.write([statement("insert into t (a) values (?) returning a", a)]);

function makeFile(): void {
  const db = new Database(path);
  db.exec("create table t (a integer unique)");
  db.close();
}

function rows(): unknown[] {
  const db = new Database(path, { readonly: true });
  const all = db.prepare("select a from t order by a").pluck().all();
  db.close();
  return all;
}

test("what has queued up is written together, and what fails in it does so alone", async () => {
  makeFile();
  const results = await Promise.allSettled([1, 2, 1, "x".repeat(10), {}, 3].map(insert));
  expect(results).toMatchObject([
    { value: [[[1]]] },
    { value: [[[2]]] },
    { reason: { code: "SQLITE_CONSTRAINT_UNIQUE" } },
    { value: [[["xxxxxxxxxx"]]] },
    { reason: { code: expect.stringMatching(/TypeError|RangeError/) } },
    { value: [[[3]]] },
  ]);
  expect(rows()).toEqual([1, 2, 3, "xxxxxxxxxx"]);
});

test("a file that can't be opened fails each write, until it can", async () => {
  await expect(insert(1)).rejects.toMatchObject({ code: "SQLITE_CANTOPEN" });
  await expect(insert(2)).rejects.toMatchObject({ code: "SQLITE_CANTOPEN" });
  makeFile();
  expect(await insert(3)).toEqual([[[3]]]);
});

test("a thread that dies fails what it had in hand, and the next write starts another", async () => {
  makeFile();
  const deadly = writer.write(null as unknown as Statement[]);
  const behind = insert(1);
  await expect(deadly).rejects.toMatchObject({ code: "WRITER_ENDED" });
  await expect(behind).rejects.toMatchObject({ code: "WRITER_ENDED" });
  expect(await insert(2)).toEqual([[[2]]]);
  expect(rows()).toEqual([2]);
});
