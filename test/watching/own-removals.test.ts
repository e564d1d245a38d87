import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { atOnce, never, watchedInbox } from "./watched-inbox.ts";

/** What the log tells of our own removals and flag changes, and of messages that lie in several folders. */

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-removals-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

test("a removal that was cut off before it was done makes no deletion of what another client does then", async () => {
  const { server, watch, told } = await watchedInbox(store, true);
  void watch.changeByUs("INBOX", 1, "remove", never);
  await expect.poll(() => store.intents.list(watch.accountId, 0)).toHaveLength(1);
  server.move("INBOX", 1, "Archive");
  await watch.look();
  watch.later(70_000);
  await watch.look();
  expect(await told(null)).toEqual(["message.moved external Archive"]);
});

test("a flag that another client sets once more, as we did before, is not our doing", async () => {
  const { server, watch, told } = await watchedInbox(store, true);
  await watch.changeByUs("INBOX", 1, "flags", atOnce);
  await watch.look();
  watch.later(70_000);
  server.flag("INBOX", 1, { flagged: false });
  await watch.look();
  server.flag("INBOX", 1, { flagged: true });
  await watch.look();
  expect(await told()).toEqual([
    "message.updated api INBOX",
    "message.updated external INBOX",
    "message.updated external INBOX",
  ]);
});

test("a flag that we set is told though nobody tells of it, and the server can't say what has changed", async () => {
  const { watch, told } = await watchedInbox(store, false, { condstore: false });
  await watch.changeByUs("INBOX", 1, "flags", atOnce);
  await watch.look();
  expect(await told()).toEqual(["message.updated api INBOX"]);
});

test("a change of a message that lies in several folders names them all", async () => {
  const { server, watch, told } = await watchedInbox(store, true);
  server.copy("INBOX", 1, "Work");
  await watch.look();
  server.flag("INBOX", 1, { seen: true });
  await watch.look();
  expect(await told()).toEqual(["message.updated external Work INBOX", "message.updated external INBOX Work"]);
});

test("what others have copied and we have removed before the copy was seen is not deleted", async () => {
  const { server, watch, told } = await watchedInbox(store, true);
  server.copy("INBOX", 1, "Work");
  await watch.changeByUs("INBOX", 1, "remove", atOnce);
  await watch.look();
  expect(await told()).toEqual(["message.moved external Work"]);
  await watch.changeByUs("Work", 1, "remove", atOnce);
  await watch.look();
  await watch.look();
  expect((await told()).slice(1)).toEqual(["message.deleted api Work"]);
});

test.each([true, false])("a removal that was cut off holds up no new mail, keys for life: %s", async (permanent) => {
  const { server, watch, told } = await watchedInbox(store, permanent);
  const steps = [atOnce, never];
  void watch.changeByUs("INBOX", 1, "remove", () => (steps.shift() ?? never)());
  await expect.poll(() => server.folders.get("INBOX")?.messages.size).toBe(0);
  server.add("INBOX", "urgent");
  expect(await watch.lookAtInbox({ flags: false })).toBe("done");
  expect(await told(null)).toEqual(["message.created external INBOX"]);
  watch.later(70_000);
  await watch.look();
  expect(await told()).toEqual(["message.deleted external INBOX"]);
  expect(await store.watches.held(watch.accountId)).toEqual([]);
});

test("a removal that is over after its message was found gone is ours", async () => {
  const { server, watch, told } = await watchedInbox(store, true);
  server.copy("INBOX", 1, "Work");
  await watch.look();
  let goOn = (): void => {};
  const steps = [atOnce, () => new Promise<void>((done) => (goOn = done))];
  const removal = watch.changeByUs("INBOX", 1, "remove", () => (steps.shift() ?? never)());
  await expect.poll(() => server.folders.get("INBOX")?.messages.size).toBe(0);
  await watch.look();
  expect(await told()).toHaveLength(1);
  goOn();
  await removal;
  await watch.look();
  await watch.look();
  expect((await told()).slice(1)).toEqual(["message.updated api Work"]);
});

test("an event about a label that was taken away says the role of the folder that it named", async () => {
  const { server, watch } = await watchedInbox(store, true);
  server.copy("INBOX", 1, "Work");
  await watch.look();
  server.remove("INBOX", 1);
  await watch.look();
  expect((await watch.events()).at(-1)).toMatchObject({ type: "message.updated", folderRoles: ["inbox"] });
});

test("a label that was taken away is told also where the other copy has another UID that nobody has seen", async () => {
  const { server, watch, told } = await watchedInbox(store, true);
  const there = server.copy("INBOX", 1, "Work");
  await watch.look();
  server.remove("INBOX", 1);
  server.move("Archive", server.move("Work", there, "Archive"), "Work");
  await watch.look();
  await watch.look();
  expect(await told()).toEqual(["message.updated external Work INBOX", "message.updated external Work"]);
  expect((await watch.events()).at(-1)?.folderRoles).toEqual(["inbox"]);
  expect(await store.watches.held(watch.accountId)).toEqual([]);
});

test("a removal that is done is done, also where that can't be written", async () => {
  const { server, watch, told } = await watchedInbox(store, false);
  vi.spyOn(store.intents, "settle").mockRejectedValueOnce(new Error("the database is away"));
  await watch.changeByUs("INBOX", 1, "remove", atOnce);
  expect(server.folders.get("INBOX")?.messages.size).toBe(0);
  watch.later(70_000);
  await watch.look();
  await watch.look();
  expect(await told()).toEqual(["message.deleted external INBOX"]);
});
