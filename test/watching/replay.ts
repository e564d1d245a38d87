import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { EventRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { expectThreads, randomTies } from "./known-threads.ts";
import { modelServer, type ModelServer } from "./model-server.ts";
import { copiesDiffer, type Known, type WatchedModel, watchedModel } from "./watched-model.ts";

function replay(known: Map<string, Known>, events: EventRow[]): void {
  for (const { type, data } of events) {
    const told = data as { id: string; folderIds: string[]; flags: unknown; keywords: unknown; changes?: string[] };
    const before = known.get(told?.id);
    const now = { folderIds: [...(told?.folderIds ?? [])].sort(), flags: told?.flags, keywords: told?.keywords };
    if (type === "message.created") {
      if (before !== undefined) throw new Error(`${told.id} was created twice`);
      known.set(told.id, now);
    } else if (type === "message.deleted") {
      if (!known.delete(told.id)) throw new Error(`${told.id} is deleted and was not there`);
    } else if (type === "message.moved" || type === "message.updated") {
      if (before === undefined) throw new Error(`${told.id} changes and was not there`);
      const isElsewhere = type === "message.moved" || told.changes?.includes("folderIds");
      known.set(told.id, { ...now, folderIds: isElsewhere ? now.folderIds : before.folderIds });
    }
  }
}

function randomness(seed: number) {
  let state = seed;
  return (n: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const paths = ["INBOX", "Archive", "Work"];

/** Two of a message in one folder have no id in common any more: that nobody makes here. */
function holds(server: ModelServer, path: string, key: string): boolean {
  return [...(server.folders.get(path)?.messages.values() ?? [])].some((one) => one.key === key);
}

function doSomething(
  server: ModelServer,
  random: (n: number) => number,
  isBusy: (key: string) => boolean = () => false,
): void {
  const path = paths[random(paths.length)] ?? "INBOX";
  const to = paths[random(paths.length)] ?? "INBOX";
  const uids = [...(server.folders.get(path)?.messages.keys() ?? [])];
  const uid = uids[random(uids.length)];
  const doing = random(11);
  const key = server.folders.get(path)?.messages.get(uid ?? 0)?.key ?? "";
  if (doing < 3 || uid === undefined) for (let n = random(random(20) === 0 ? 150 : 3); n >= 0; n -= 1) server.add(path);
  else if (doing < 5 && to !== path && !holds(server, to, key) && !(server.copied.has(key) && isBusy(key)))
    server.move(path, uid, to);
  else if (doing === 10 && to !== path && !holds(server, to, key) && !isBusy(key)) server.copy(path, uid, to);
  else if (doing < 7) server.flag(path, uid, { seen: random(2) === 0, flagged: random(2) === 0 });
  else if (doing < 8) server.flag(path, uid, {}, random(2) === 0 ? ["$Work"] : ["$Work", "Later"]);
  else server.remove(path, uid);
}

/** Something that goes on step by step. */
type Course = { key: string; place: string; next: () => Promise<"goes on" | "over"> };

function inSteps(run: (between: () => Promise<void>) => Promise<void>): Course["next"] {
  let goOn: (() => void) | null = null;
  let stopped: (state: "goes on" | "over") => void = () => {};
  const between = (): Promise<void> =>
    new Promise((done) => {
      goOn = done;
      stopped("goes on");
    });
  return () =>
    new Promise((done, fail) => {
      stopped = done;
      if (goOn !== null) goOn();
      else run(between).then(() => stopped("over"), fail);
    });
}

/** What the app does by the API, one step at a time, several things at once; now and then one is cut off and never goes on. */
function ourDoings(server: ModelServer, watch: WatchedModel, random: (n: number) => number) {
  const courses: Course[] = [];
  function begin(): void {
    const from = paths[random(paths.length)] ?? "INBOX";
    const to = paths[random(paths.length)] ?? "INBOX";
    const uids = [...(server.folders.get(from)?.messages.keys() ?? [])].slice(-6);
    const uid = uids[random(uids.length)];
    const key = server.folders.get(from)?.messages.get(uid ?? 0)?.key ?? "";
    const doing = random(10);
    if (uid === undefined) return;
    // Nobody is told what a message is called that is being moved there; and two who copy it make two of it.
    const place = `${from} ${uid}`;
    if (courses.some((one) => one.key === key && (one.place !== place || !server.hasMove))) return;
    const next =
      doing < 6
        ? to !== from && !holds(server, to, key) && inSteps((between) => watch.moveByUs(from, uid, to, between))
        : inSteps((between) => watch.changeByUs(from, uid, doing < 8 ? "remove" : "flags", between));
    if (next) courses.push({ key, place, next });
  }
  async function step(): Promise<void> {
    if (courses.length < 3) begin();
    const at = random(courses.length);
    const course = courses[at];
    if (course === undefined) return;
    if (random(30) === 0 || (await course.next()) === "over") courses.splice(at, 1);
  }
  return {
    step,
    isBusy: (key: string): boolean => courses.some((one) => one.key === key),
    async finish(): Promise<void> {
      for (const course of courses) while ((await course.next()) !== "over");
      courses.length = 0;
    },
  };
}

type Kind = { permanent: boolean; condstore: boolean };

/**
 * Random doings of other clients between looks, one course of them for each seed and kind of server; then whoever has replayed the log knows
 * the mailbox as it is: every message with its id, folders, flags and keywords, and no other. Which conversations they make is
 * known as well.
 */
export function testReplays(seeds: number[]): void {
  describe.each<Kind>([
    { permanent: true, condstore: true },
    { permanent: true, condstore: false },
    { permanent: false, condstore: true },
    { permanent: false, condstore: false },
  ])("whoever replays the log, keys for life: $permanent, CONDSTORE: $condstore", (kind) => {
    test.each(seeds)("knows the mailbox as it is, round %i", async (seed) => {
      const directory = mkdtempSync(join(tmpdir(), "postern-replay-"));
      const store = createStore(openSqlite(join(directory, "postern.db")));
      try {
        const { known, truth } = await replayed(store, kind, seed);
        expect(known).toEqual(truth);
      } finally {
        await store.close();
        rmSync(directory, { recursive: true });
      }
    });
  });
}

type Mailbox = Record<string, Known>;

/** What a course of doings comes to: the mailbox as the log tells it, and as it is. */
async function replayed(store: Store, kind: Kind, seed: number): Promise<{ known: Mailbox; truth: Mailbox }> {
  const random = randomness(seed * 7_919);
  const server = modelServer(kind);
  server.ties = randomTies;
  for (const path of paths) server.create(path);
  for (let n = 0; n < 20; n += 1) server.add(paths[random(3)] ?? "INBOX");
  const watch = await watchedModel(store, server);
  await watch.look();
  const known = await watch.truth();
  expect((await watch.events()).filter(({ type }) => !type.startsWith("account."))).toEqual([]);
  const ours = ourDoings(server, watch, random);
  for (let round = 0; round < 25; round += 1) {
    for (let n = random(6); n >= 0; n -= 1) doSomething(server, random, ours.isBusy);
    for (let n = random(24); n > 0; n -= 1) await ours.step();
    if (random(3) === 0) await watch.lookAndDie(random(2) === 0 ? "before" : "after");
    server.meanwhile = async () => {
      if (random(4) === 0) doSomething(server, random, ours.isBusy);
      for (let n = random(4); n > 0; n -= 1) await ours.step();
    };
    await watch.look();
    server.meanwhile = async () => {};
    if (round % 3 === 0) await watch.indexEarlier();
    if (random(5) > 0) continue;
    await ours.finish();
    watch.later(100_000);
  }
  await ours.finish();
  // What was cut off is over by now.
  watch.later();
  await watch.look();
  watch.later();
  await watch.look();
  const events = await watch.events();
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, at) => at + 1));
  replay(known, events);
  const truth = await watch.truth();
  for (const [id, one] of known) if (truth.get(id)?.flags === "any") known.set(id, { ...one, ...copiesDiffer });
  expect(await store.watches.held(watch.accountId)).toEqual([]);
  expect(await watch.stalePlacements()).toEqual([]);
  while (await watch.indexEarlier());
  await expectThreads(store, server, watch);
  return { known: Object.fromEntries(known), truth: Object.fromEntries(truth) };
}
