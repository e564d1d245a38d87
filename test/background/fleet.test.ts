import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import { fleetContract } from "./contract-fleet.ts";

const directory = mkdtempSync(join(tmpdir(), "postern-fleet-"));
const handle = openSqlite(join(directory, "postern.db"));
afterAll(async () => {
  await handle.close();
  rmSync(directory, { recursive: true });
});

fleetContract("SQLite", async () => ({ handle, store: createStore(handle) }));
