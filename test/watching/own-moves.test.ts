import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { modelServer } from "./model-server.ts";
import { watchedModel } from "./watched-model.ts";

/** What the log tells of our own moves and removals where several come between two looks, or one is cut off. */

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-moves-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const atOnce = async (): Promise<void> => {};
/** What is begun and never goes on. */
const never = (): Promise<void> => new Promise(() => {});

async function watched(permanent: boolean, more: string[] = [], condstore = true) {
  const server = modelServer({ permanent, condstore });
  for (const path of ["INBOX", "Archive", "Work", ...more]) server.create(path);
  server.add("INBOX", "first");
  const watch = await watchedModel(store, server);
  await watch.look();
  const [id = ""] = (await watch.truth()).keys();
  const nameOf = new Map((await store.folders.list(watch.accountId)).map((folder) => [folder.id, folder.path]));
  /** Of the message that was there at first, or of all. */
  const told = async (whose: string | null = id) =>
    (await watch.events())
      .map(({ type, data }) => ({ type, ...(data as { id: string; actor: string; folderIds: string[] }) }))
      .filter((event) => event.type.startsWith("message.") && (whose === null || event.id === whose))
      .map(({ type, actor, folderIds }) => [type, actor, ...folderIds.map((one) => nameOf.get(one))].join(" "));
  return { server, watch, told };
}

test("several moves of ours between two looks are told as one", async () => {
  const { server, watch, told } = await watched(false);
  await watch.moveByUs("INBOX", 1, "Archive", atOnce);
  await watch.moveByUs("Archive", 1, "Work", atOnce);
  await watch.look();
  expect(await told(null)).toEqual(["message.moved api Work"]);
  await watch.moveByUs("Work", 1, "INBOX", atOnce);
  await watch.moveByUs("INBOX", 2, "Work", atOnce);
  server.flag("Work", 2, { seen: true });
  await watch.look();
  expect((await told(null)).slice(1)).toEqual(["message.updated external Work"]);
});

test.each([true, false])(
  "what we have moved and removed before anybody looked is told by its id, and nothing is left of it, by us: %s",
  async (byUs) => {
    const { server, watch, told } = await watched(false);
    await watch.moveByUs("INBOX", 1, "Archive", atOnce);
    await watch.look();
    await watch.moveByUs("Archive", 1, "Work", atOnce);
    if (byUs) await watch.changeByUs("Work", 1, "remove", atOnce);
    else server.remove("Work", 1);
    await watch.look();
    await watch.look();
    const actor = byUs ? "api" : "external";
    expect(await told(null)).toEqual(["message.moved api Archive", `message.deleted ${actor} Archive`]);
    expect(await watch.stalePlacements()).toEqual([]);
  },
);

test("of a message that came, was moved by us and went before anybody looked nothing is told, and nothing is left", async () => {
  const { server, watch, told } = await watched(false);
  const uid = server.add("INBOX");
  await watch.moveByUs("INBOX", uid, "Archive", atOnce);
  server.remove("Archive", 1);
  await watch.look();
  expect(await told(null)).toEqual([]);
  expect(await watch.stalePlacements()).toEqual([]);
});

test("a move that is over while what it moves is being told changes nobody's id", async () => {
  const { server, watch, told } = await watched(false);
  server.add("Archive");
  const moves = [
    atOnce,
    // The inbox has been looked at. Archive is seen with the message, and where it was before is looked at next.
    () => watch.moveByUs("INBOX", 1, "Archive", atOnce),
    () => watch.moveByUs("Archive", 2, "Work", atOnce),
  ];
  server.meanwhile = async () => moves.shift()?.();
  await watch.look();
  await watch.look();
  expect(moves).toEqual([]);
  expect(await told()).toEqual(["message.moved api Archive", "message.moved api Work"]);
  expect(await told(null)).toHaveLength(3);
});

test("a removal that was cut off before it was done makes no deletion of what another client does then", async () => {
  const { server, watch, told } = await watched(true);
  void watch.changeByUs("INBOX", 1, "remove", never);
  await expect.poll(() => store.intents.list(watch.accountId, 0)).toHaveLength(1);
  server.move("INBOX", 1, "Archive");
  await watch.look();
  watch.later(70_000);
  await watch.look();
  expect(await told(null)).toEqual(["message.moved external Archive"]);
});

test("what is held while a move of ours was cut off waits for all folders once more", async () => {
  const { server, watch, told } = await watched(true);
  server.move("INBOX", 1, "Work");
  const other = server.add("INBOX", "other");
  const another = server.add("Archive", "another");
  await watch.look();
  // What is new in Archive is not told until this is given up, after a minute.
  void watch.moveByUs("INBOX", other, "Archive", never);
  await expect.poll(() => store.intents.live(watch.accountId, 0)).toHaveLength(1);
  const passing = server.move("Work", 1, "Archive");
  await watch.look();
  await watch.look();
  watch.later(50_000);
  void watch.moveByUs("Archive", another, "INBOX", never);
  await expect.poll(() => store.intents.live(watch.accountId, 0)).toHaveLength(2);
  server.move("Archive", passing, "INBOX");
  watch.later(15_000);
  await watch.look();
  watch.later(70_000);
  await watch.look();
  expect(await told()).toEqual(["message.moved external Work", "message.moved external INBOX"]);
});

test("a flag that another client sets once more, as we did before, is not our doing", async () => {
  const { server, watch, told } = await watched(true);
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

test("a change of a message that lies in several folders names them all", async () => {
  const { server, watch, told } = await watched(true);
  server.copy("INBOX", 1, "Work");
  await watch.look();
  server.flag("INBOX", 1, { seen: true });
  await watch.look();
  expect(await told()).toEqual(["message.updated external Work INBOX", "message.updated external INBOX Work"]);
});

test("new mail in the inbox does not wait until fifty other folders have been looked at", async () => {
  const names = Array.from({ length: 50 }, (_, n) => `Folder ${n}`);
  const { server, watch, told } = await watched(true, names);
  for (const name of names) server.add(name);
  let asked = 0;
  server.meanwhile = async () => {
    watch.later(300);
    if ((asked += 1) === 10) server.add("INBOX", "urgent");
  };
  await watch.look();
  const all = await told(null);
  expect(all).toHaveLength(51);
  const before = all.indexOf("message.created external INBOX");
  expect(before).toBeLessThan(15);
});

test("where the server tells once that flags have changed, that is not lost on a look that waits for a removal of ours", async () => {
  const { server, watch, told } = await watched(false, [], false);
  const uid = server.add("INBOX", "second");
  await watch.look();
  const before = (await told(null)).length;
  server.flag("INBOX", 1, { seen: true });
  let goOn = (): void => {};
  const removal = watch.changeByUs("INBOX", uid, "remove", () => {
    goOn();
    return new Promise((done) => (goOn = done));
  });
  await expect.poll(() => store.intents.list(watch.accountId, 0)).toHaveLength(1);
  goOn();
  await expect.poll(() => server.folders.get("INBOX")?.messages.size).toBe(1);
  expect(await watch.lookAtInbox({ flags: true })).toBe("waiting");
  goOn();
  await removal;
  await watch.look();
  expect((await told(null)).slice(before).sort()).toEqual([
    "message.deleted api INBOX",
    "message.updated external INBOX",
  ]);
});
