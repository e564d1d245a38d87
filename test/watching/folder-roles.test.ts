import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { modelServer } from "./model-server.ts";
import { watchedModel } from "./watched-model.ts";

/** By which roles webhooks find the events of messages: those of all folders that an event names. */

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-roles-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

async function watched(permanent: boolean) {
  const server = modelServer({ permanent, condstore: true });
  for (const path of ["INBOX", "Archive", "Sent", "Work"]) server.create(path);
  server.add("INBOX");
  const watch = await watchedModel(store, server);
  await watch.look();
  /** What the log tells since the last time, as a type and its roles. */
  let last = 0;
  const told = async () => {
    await watch.look();
    await watch.look();
    const events = (await watch.events()).filter(
      ({ sequence, type }) => sequence > last && type.startsWith("message."),
    );
    last = events.at(-1)?.sequence ?? last;
    return events.map(({ type, folderRoles }) => [type, ...(folderRoles ?? ["none"])].join(" "));
  };
  return { server, watch, told };
}

const atOnce = async (): Promise<void> => {};

test.each([true, false])(
  "new, changed and deleted messages: the role of their folder, keys for life: %s",
  async (permanent) => {
    const { server, told } = await watched(permanent);
    server.add("Sent");
    expect(await told()).toEqual(["message.created sent"]);
    server.flag("Sent", 1, { seen: true });
    expect(await told()).toEqual(["message.updated sent"]);
    server.remove("Sent", 1);
    expect(await told()).toEqual(["message.deleted sent"]);
  },
);

test.each([true, false])(
  "a moved message: where it came from and where it is, keys for life: %s",
  async (permanent) => {
    const { watch, told } = await watched(permanent);
    await watch.moveByUs("INBOX", 1, "Archive", atOnce);
    expect(await told()).toEqual(["message.moved inbox archive"]);
    await watch.moveByUs("Archive", 1, "Work", atOnce);
    expect(await told()).toEqual(["message.moved archive"]);
    await watch.moveByUs("Work", 1, "Sent", atOnce);
    expect(await told()).toEqual(["message.moved sent"]);
  },
);

test("one that another client has moved, likewise", async () => {
  const { server, told } = await watched(true);
  server.move("INBOX", 1, "Archive");
  expect(await told()).toEqual(["message.moved inbox archive"]);
});

test("one that lies in several folders: the roles of them all; in one without a role: none", async () => {
  const { server, told } = await watched(true);
  server.copy("INBOX", 1, "Sent");
  expect(await told()).toEqual(["message.updated inbox sent"]);
  server.flag("INBOX", 1, { flagged: true });
  expect(await told()).toEqual(["message.updated inbox sent"]);
  server.add("Work");
  expect(await told()).toEqual(["message.created"]);
});
