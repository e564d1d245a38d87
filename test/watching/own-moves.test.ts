import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { IntentRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { endOfPath, pathTo, takenBy } from "../../src/watching/own-doing.ts";
import { atOnce, never, watchedInbox } from "./watched-inbox.ts";

/** What the log tells of our own moves where several come between two looks, one is cut off, or takes long. */

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

test("several moves of ours between two looks are told as one", async () => {
  const { server, watch, told } = await watchedInbox(store, false);
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
    const { server, watch, told } = await watchedInbox(store, false);
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
  const { server, watch, told } = await watchedInbox(store, false);
  const uid = server.add("INBOX");
  await watch.moveByUs("INBOX", uid, "Archive", atOnce);
  server.remove("Archive", 1);
  await watch.look();
  expect(await told(null)).toEqual([]);
  expect(await watch.stalePlacements()).toEqual([]);
});

test("a move that is over while what it moves is being told changes nobody's id", async () => {
  const { server, watch, told } = await watchedInbox(store, false);
  server.add("INBOX");
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
  expect(await told(null)).toHaveLength(4);
});

test("what is held while a move of ours was cut off waits for all folders once more", async () => {
  const { server, watch, told } = await watchedInbox(store, true);
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

test("new mail in the inbox does not wait until fifty other folders have been looked at", async () => {
  const names = Array.from({ length: 50 }, (_, n) => `Folder ${n}`);
  const { server, watch, told } = await watchedInbox(store, true, { more: names });
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

test("where the server tells once that flags have changed, that is not lost on a look that waits for a move of ours", async () => {
  const { server, watch, told } = await watchedInbox(store, false, { condstore: false });
  const uid = server.add("INBOX", "second");
  await watch.look();
  const before = (await told(null)).length;
  server.flag("INBOX", 1, { seen: true });
  let goOn = (): void => {};
  const move = watch.moveByUs("INBOX", uid, "Work", () => {
    goOn();
    return new Promise((done) => (goOn = done));
  });
  await expect.poll(() => store.intents.list(watch.accountId, 0)).toHaveLength(1);
  goOn();
  await expect.poll(() => server.folders.get("Work")?.messages.size).toBe(1);
  goOn();
  await expect.poll(() => server.folders.get("INBOX")?.messages.size).toBe(1);
  expect(await watch.lookAtInbox({ flags: true })).toBe("waiting");
  goOn();
  await move;
  await watch.look();
  expect((await told(null)).slice(before).sort()).toEqual(["message.moved api Work", "message.updated external INBOX"]);
});

test.each([true, false])(
  "our own move of what has left the window is no new message, keys for life: %s",
  async (permanent) => {
    const { server, watch, told } = await watchedInbox(store, permanent, { window: 10 });
    for (let n = 0; n < 2_000; n += 1) server.add("INBOX");
    await watch.look();
    await watch.moveByUs("INBOX", 1, "Archive", atOnce);
    await watch.look();
    expect(await told()).toEqual(["message.moved api Archive"]);
  },
);

test("our own move of what has left the window, and back, tells it as it is", async () => {
  const { server, watch, told } = await watchedInbox(store, false, { window: 10 });
  for (let n = 0; n < 2_000; n += 1) server.add("INBOX");
  await watch.look();
  await watch.moveByUs("INBOX", 1, "Archive", atOnce);
  await watch.moveByUs("Archive", 1, "INBOX", atOnce);
  await watch.look();
  expect(await told()).toEqual(["message.updated external INBOX"]);
});

test("what is held waits for the folders that the listing calls quiet too, where a move of ours was cut off", async () => {
  const { server, watch, told } = await watchedInbox(store, true, { condstore: false });
  const other = server.add("Work", "other");
  await watch.look();
  void watch.moveByUs("Work", other, "INBOX", never);
  await expect.poll(() => store.intents.live(watch.accountId, 0)).toHaveLength(1);
  watch.later(5_000);
  const there = server.move("INBOX", 1, "Work");
  await watch.look();
  // In the inbox it is not seen until the move is given up; and it goes on to a folder that has been listed already.
  const back = server.move("Work", there, "INBOX");
  await watch.look();
  await watch.look();
  server.add("INBOX", "noise");
  const steps = [async () => server.move("INBOX", back, "Archive")];
  server.meanwhile = async () => void (await steps.shift()?.());
  await watch.look();
  watch.later(70_000);
  await watch.look();
  await watch.look();
  expect(await told()).toEqual(["message.moved external Work", "message.moved external Archive"]);
});

test("a move that is under way is waited for, also where a removal of the same message was cut off", async () => {
  const { server, watch, told } = await watchedInbox(store, false);
  void watch.changeByUs("INBOX", 1, "remove", never);
  await expect.poll(() => store.intents.list(watch.accountId, 0)).toHaveLength(1);
  let goOn = (): void => {};
  const steps = [atOnce, () => new Promise<void>((done) => (goOn = done))];
  const move = watch.moveByUs("INBOX", 1, "Archive", () => (steps.shift() ?? never)());
  await expect.poll(() => server.folders.get("Archive")?.messages.size).toBe(1);
  expect(await watch.lookAtInbox({ flags: false })).toBe("waiting");
  goOn();
  await move;
  await watch.look();
  watch.later(70_000);
  await watch.look();
  expect(await told(null)).toEqual(["message.moved api Archive"]);
});

test("a look that tells all but what a move of ours may have brought reads flags no more often than others do", async () => {
  const { server, watch } = await watchedInbox(store, false, { condstore: false });
  const uid = server.add("Work");
  await watch.look();
  void watch.moveByUs("Work", uid, "INBOX", never);
  await expect.poll(() => store.intents.live(watch.accountId, 0)).toHaveLength(1);
  server.add("INBOX");
  const version = async () => (await store.watches.folders(watch.accountId)).map((row) => row.version);
  expect(await watch.lookAtInbox({ flags: true })).toBe("waiting");
  const before = await version();
  for (let n = 0; n < 5; n += 1) {
    watch.later(250);
    expect(await watch.lookAtInbox({ flags: false })).toBe("waiting");
  }
  const written = (await version()).reduce((sum, one, index) => sum + one - (before[index] ?? 0), 0);
  expect(written).toBe(0);
});

test("moves that go in a circle, as a server may tell that gives UIDs twice, have an end", () => {
  const move = (from: number, to: number): IntentRow => ({
    id: `int_${from}`,
    accountId: "acc_1",
    kind: "place",
    folder: to,
    uidNext: 1,
    source: { folder: from, uidValidity: 1, uids: [1] },
    change: null,
    placed: { folder: to, uidValidity: 1, uids: [1] },
    settled: true,
    createdAt: 0,
    expiresAt: 1,
  });
  const here = { folder: 1, uidValidity: 1, uid: 1 };
  expect(pathTo([move(1, 2), move(2, 1)], here)).toHaveLength(2);
  expect(endOfPath([move(1, 2), move(2, 1)], here)).toEqual(here);
});

test("where ten thousand messages of ours went is found at once", () => {
  const at = (folder: number, uid: number) => ({ folder, uidValidity: 1, uid });
  const uidsAt = ({ uid, ...where }: ReturnType<typeof at>) => ({ ...where, uids: [uid] });
  const intents = Array.from({ length: 10_000 }, (_, n): IntentRow => ({
    id: `int_${n}`,
    accountId: "acc_1",
    kind: "place",
    folder: 2,
    uidNext: 1,
    source: uidsAt(at(1, n)),
    change: null,
    placed: uidsAt(at(2, n)),
    settled: true,
    createdAt: 0,
    expiresAt: 1,
  }));
  const begun = performance.now();
  for (let n = 0; n < 10_000; n += 1) {
    expect(endOfPath(intents, at(1, n)).folder).toBe(2);
    expect(pathTo(intents, at(2, n))).toHaveLength(1);
    expect(takenBy(intents, at(1, n))?.id).toBe(`int_${n}`);
  }
  expect(performance.now() - begun).toBeLessThan(5_000);
});
