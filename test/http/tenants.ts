import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFront } from "../../src/http/front.ts";
import type { Front } from "../../src/http/env.ts";
import { createApp } from "../../src/http/apps/create-app.ts";
import { listApps } from "../../src/http/apps/list-apps.ts";
import { createKey } from "../../src/http/keys/create-key.ts";
import { deleteKey } from "../../src/http/keys/delete-key.ts";
import { getKey } from "../../src/http/keys/get-key.ts";
import { listKeys } from "../../src/http/keys/list-keys.ts";
import { createLog } from "../../src/http/log.ts";
import { getMe } from "../../src/http/me/get-me.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { authenticate } from "../../src/operations/authenticate.ts";
import { bootstrapKeys, type FirstKeys } from "../../src/operations/bootstrap-keys.ts";
import { createApp as createAppOperation } from "../../src/operations/create-app.ts";
import { createKey as createKeyOperation } from "../../src/operations/create-key.ts";
import { deleteKey as deleteKeyOperation } from "../../src/operations/delete-key.ts";
import { getKey as getKeyOperation } from "../../src/operations/get-key.ts";
import { getMe as getMeOperation } from "../../src/operations/get-me.ts";
import { listApps as listAppsOperation } from "../../src/operations/list-apps.ts";
import { listKeys as listKeysOperation } from "../../src/operations/list-keys.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { webhookOperations } from "../operations/webhook-house.ts";
import { accountRow } from "../store/rows.ts";
import { webhookRoutes } from "./webhook-front.ts";

export const adminKey = "an-operator-key-of-our-own-making-0123456789";

export type Tenants = {
  app: Front;
  store: Store;
  first: FirstKeys;
  /** What has been logged, line by line. */
  lines: string[];
  /** How often a key has been looked for in the database. */
  lookups: () => number;
  /** An account of the app, with nothing behind it; its id. */
  newAccount: (appId: string) => Promise<string>;
  /** Moves the clock on. */
  pass: (ms: number) => void;
  close: () => Promise<void>;
};

/**
 * A front door with the routes of apps, keys, me and webhooks, on a real SQLite file in a folder of its own. Every receiver of webhooks
 * answers 204.
 */
export async function openTenants(): Promise<Tenants> {
  const folder = mkdtempSync(join(tmpdir(), "postern-http-"));
  const store = createStore(openSqlite(join(folder, "postern.db")));
  let shift = 0;
  let lookups = 0;
  const lines: string[] = [];
  const clock = { now: () => Date.now() + shift, sleep: () => Promise.resolve() };
  const cursorKey = new Uint8Array(32).fill(7);
  const keys = {
    ...store.keys,
    byHash: (hash: string) => {
      lookups += 1;
      return store.keys.byHash(hash);
    },
  };
  const app = createFront({
    config: { maxBody: 64 * 1024, publicUrl: null },
    maxMessage: 2_000_000,
    log: createLog({ level: "debug", write: (line) => void lines.push(line), clock, pretty: false }),
    metrics: createMetrics(),
    clock,
    authenticate: authenticate({ keys, clock, adminKey }),
    ready: () => store.ping(),
    docsScript: null,
  });
  const { apps, accounts, settings } = store;
  getMe(app, getMeOperation({ apps, keys }));
  createApp(app, createAppOperation({ apps, clock }));
  listApps(app, listAppsOperation({ apps, cursorKey }));
  createKey(app, createKeyOperation({ apps, accounts, keys, clock }));
  listKeys(app, listKeysOperation({ apps, keys, cursorKey }));
  getKey(app, getKeyOperation({ keys }));
  deleteKey(app, deleteKeyOperation({ keys }));
  webhookRoutes(app, webhookOperations({ ...store, clock, cursorKey }).operations);
  const first = await bootstrapKeys({ settings, apps, keys, clock })();
  if (first === null) throw new Error("a new database has no keys yet");
  return {
    app,
    store,
    first,
    lines,
    lookups: () => lookups,
    async newAccount(appId) {
      const account = accountRow({ appId });
      await accounts.insert(account);
      return account.id;
    },
    pass(ms) {
      shift += ms;
    },
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
