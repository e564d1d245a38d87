import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { modelServer } from "./model-server.ts";
import { watchedModel } from "./watched-model.ts";

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-held-threads-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

async function house() {
  const server = modelServer({ permanent: true, condstore: true });
  for (const path of ["INBOX", "Archive"]) server.create(path);
  const watch = await watchedModel(store, server);
  await watch.look();
  const inbox = server.folders.get("INBOX");
  if (inbox === undefined) throw new Error("no inbox");
  const indexed = async () => [...(await watch.threads()).values()].flat().toSorted();
  return { server, watch, inbox, indexed };
}

test("what has the UID of a message that was held before UIDVALIDITY changed stays in the index when that one is given up", async () => {
  const { server, watch, inbox, indexed } = await house();
  const gone = server.add("INBOX", "gone");
  const other = server.add("INBOX", "other");
  await watch.look();
  server.remove("INBOX", gone);
  await watch.look();
  expect(await store.watches.held(watch.accountId)).toMatchObject([{ uid: gone }]);

  const message = inbox.messages.get(other);
  if (message === undefined) throw new Error("no message");
  inbox.uidValidity += 1_000;
  inbox.messages.clear();
  inbox.messages.set(gone, { ...message, uid: gone });
  await watch.look();
  while (await watch.indexEarlier());
  expect(await store.watches.held(watch.accountId)).toHaveLength(1);
  expect(await indexed()).toEqual([`INBOX/${gone}`]);
  for (let n = 0; n < 3; n += 1) await watch.look();
  expect(await store.watches.held(watch.accountId)).toEqual([]);
  expect(await indexed()).toEqual([`INBOX/${gone}`]);
});
