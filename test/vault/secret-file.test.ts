import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadSecret } from "../../src/vault/secret-file.ts";
import { createVault } from "../../src/vault/vault.ts";

let directory = "";
const path = () => join(directory, "secret");
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-secret-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test("the first start makes a secret that only its owner reads, the next one reads it", async () => {
  const secret = await loadSecret(path(), false);
  expect(() => createVault({ secret })).not.toThrow();
  expect(statSync(path()).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(["secret"]);
  expect(await loadSecret(path(), true)).toBe(secret);
  expect(await loadSecret(path(), false)).toBe(secret);
});

test("of many starts at once all get the same one", async () => {
  const secrets = await Promise.all(Array.from({ length: 20 }, () => loadSecret(path(), false)));
  expect(new Set(secrets).size).toBe(1);
  expect(readdirSync(directory)).toEqual(["secret"]);
});

test("a database without its secret is refused, says what to do, and nothing is written", async () => {
  await expect(loadSecret(path(), true)).rejects.toMatchObject({
    code: "internal",
    message: expect.stringContaining("sealing secret"),
    details: { fix: expect.stringContaining("POSTERN_SECRET") },
  });
  expect(readdirSync(directory)).toEqual([]);
});

test("an empty secret is refused and left as it is", async () => {
  writeFileSync(path(), "\n");
  chmodSync(path(), 0o400);
  await expect(loadSecret(path(), false)).rejects.toMatchObject({ code: "internal" });
  expect(readFileSync(path(), "utf8")).toBe("\n");
});
