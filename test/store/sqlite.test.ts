import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import { storeContract } from "./contract.ts";

storeContract("SQLite", async () => {
  const directory = mkdtempSync(join(tmpdir(), "postern-store-"));
  const handle = openSqlite(join(directory, "postern.db"));
  return {
    handle,
    async close() {
      await handle.close();
      rmSync(directory, { recursive: true });
    },
  };
});
