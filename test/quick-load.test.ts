import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** What a process says that starts with the preload. */
async function run(program: string): Promise<{ stdout: string; stderr: string }> {
  const flags = ["--import", "./src/quick-load.js", "--input-type=module", "--eval", program];
  return promisify(execFile)(process.execPath, flags, { cwd: root });
}

test("the database layer loads as it does without the preload, and nobody is warned of anything", async () => {
  const said = await run(`
    const { and } = await import("drizzle-orm");
    const { keys } = await import("./src/store/schema.sqlite.ts");
    const { openSqlite } = await import("./src/store/open-sqlite.ts");
    console.log(typeof and, keys.hash.name, typeof openSqlite);`);
  expect(said).toEqual({ stdout: "function hash function\n", stderr: "" });
});

test("what was compiled is kept beside the code, in nobody else's reach", async () => {
  const { stdout } = await run(`
    const { getCompileCacheDir } = await import("node:module");
    console.log(getCompileCacheDir());`);
  expect(stdout).toContain(`${root}/node_modules/.cache/postern/`);
});
