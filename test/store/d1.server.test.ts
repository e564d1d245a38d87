import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getPlatformProxy } from "wrangler";
import type { D1Binding } from "../../src/store/open-d1.ts";
import { openD1 } from "../../src/store/open-d1.ts";
import { readMigrations } from "../../src/store/migrations.ts";
import { storeContract } from "./contract.ts";

/** A real D1 of local workerd, with a configuration and a place of its own. */
storeContract("D1", async () => {
  const directory = mkdtempSync(join(tmpdir(), "postern-d1-"));
  const configPath = join(directory, "wrangler.json");
  const database = { binding: "DB", database_name: "postern-test", database_id: "postern-test" };
  writeFileSync(
    configPath,
    JSON.stringify({ name: "store-test", compatibility_date: "2026-01-01", d1_databases: [database] }),
  );
  const { env, dispose } = await getPlatformProxy<{ DB: D1Binding }>({
    configPath,
    persist: { path: join(directory, "state") },
  });
  for (const { sql } of readMigrations("sqlite")) {
    for (const statement of sql.split(/;\s*\n/).filter((text) => text.trim() !== ""))
      await env.DB.prepare(statement).run();
  }
  const handle = openD1(env.DB);
  return {
    handle,
    async close() {
      await handle.close();
      await dispose();
      rmSync(directory, { recursive: true });
    },
  };
});
