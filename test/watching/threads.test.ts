import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { modelServer, type ModelServer } from "./model-server.ts";
import { type WatchedModel, watchedModel } from "./watched-model.ts";

let directory: string;
let store: Store;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "postern-threads-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const idOf = (key: string): string => `<${key}@postern.test>`;

/** What messages refer to, by their keys: those of References, oldest first. */
type Replies = Record<string, string[]>;

async function house(
  replies: Replies,
  { permanent = true, window = 10_000 } = {},
): Promise<{ server: ModelServer; watch: WatchedModel; told: () => Promise<Record<string, unknown[]>> }> {
  const server = modelServer({ permanent, condstore: true });
  server.ties = (key) => {
    const references = (replies[key] ?? []).map(idOf);
    return { references, inReplyTo: references.at(-1) ?? null };
  };
  for (const path of ["INBOX", "Archive", "Sent"]) server.create(path);
  const watch = await watchedModel(store, server, window);
  await watch.look();
  /** The `threadId`s that events told of, by the subjects of their messages. */
  const told = async (): Promise<Record<string, unknown[]>> => {
    const found: Record<string, unknown[]> = {};
    for (const { data } of await watch.events())
      if (typeof data?.["subject"] === "string") (found[data["subject"]] ??= []).push(data["threadId"]);
    return found;
  };
  return { server, watch, told };
}

const sizes = async (watch: WatchedModel): Promise<number[]> =>
  [...(await watch.threads()).values()].map((places) => places.length);

describe("what comes", () => {
  test("joins the thread of what it answers, in whichever folder; the event says which", async () => {
    const { server, watch, told } = await house({ b: ["a"], c: ["a", "b"], z: [] });
    for (const key of ["a", "z"]) server.add("INBOX", key);
    await watch.look();
    server.add("Sent", "b");
    server.add("INBOX", "c");
    await watch.look();
    const { a, b, c, z } = await told();
    expect(a?.[0]).toMatch(/^thr_[0-9a-v]{26}$/);
    expect(b).toEqual(a);
    expect(c).toEqual(a);
    expect(z).not.toEqual(a);
    const threads = await watch.threads();
    expect(threads.get(String(a?.[0]))?.toSorted()).toEqual(["INBOX/1", "INBOX/3", "Sent/1"]);
    expect(threads.get(String(z?.[0]))).toEqual(["INBOX/2"]);
  });

  test("in any order, with messages missing in between, makes the same thread under one id", async () => {
    const replies = { b: ["a"], c: ["a", "b"], d: ["a", "b", "c"] };
    const ids = new Set<unknown>();
    for (const order of ["abcd", "dcba", "cabd", "bd", "db", "c"]) {
      const { server, watch, told } = await house(replies);
      for (const key of order) {
        server.add("INBOX", key);
        await watch.look();
      }
      expect(await sizes(watch)).toEqual([order.length]);
      for (const [id] of Object.values(await told())) ids.add(id);
    }
    expect(ids.size).toBe(1);
  });

  test("is tied by References or In-Reply-To, not by its subject", async () => {
    const { server, watch } = await house({});
    server.ties = (key) =>
      key === "b" ? { inReplyTo: idOf("a") } : key === "c" ? { references: [idOf("a")], inReplyTo: null } : {};
    for (const key of ["a", "b", "c"]) server.add("INBOX", key);
    await watch.look();
    expect(await sizes(watch)).toEqual([3]);
  });

  test("joins two threads that turn out to be one; the older one's id stays, and the other's leads to it", async () => {
    const { server, watch, told } = await house({ c: ["x", "y"] });
    server.ties = (key) =>
      key === "late"
        ? { references: [idOf("old"), idOf("new")] }
        : { receivedAt: key === "old" ? 1_700_000_000_000 : 1_800_000_000_000 };
    for (const key of ["new", "old"]) {
      server.add("INBOX", key);
      await watch.look();
    }
    const before = await told();
    expect(await sizes(watch)).toEqual([1, 1]);
    server.add("Archive", "late");
    await watch.look();
    expect((await told())["late"]).toEqual(before["old"]);
    const [winner, loser] = [String(before["old"]), String(before["new"])];
    expect([...(await watch.threads()).keys()]).toEqual([winner]);
    expect(await store.threads.of(watch.accountId, [loser, winner])).toEqual(
      new Map([
        [winner, winner],
        [loser, winner],
      ]),
    );
  });

  test("joins many at once that it alone refers to, and one look's worth of such", async () => {
    const many = Array.from({ length: 60 }, (_, n) => `m${n}x`);
    const { server, watch } = await house({ all: many.slice(0, 59), more: ["all", "m59x"] });
    for (const key of many) server.add("INBOX", key);
    await watch.look();
    expect(await sizes(watch)).toHaveLength(60);
    server.add("INBOX", "more");
    server.add("INBOX", "all");
    await watch.look();
    expect(await sizes(watch)).toEqual([62]);
  });

  test("the same message in two folders, or two with one Message-ID, is one of its thread", async () => {
    const { server, watch } = await house({});
    const uid = server.add("INBOX", "a");
    await watch.look();
    server.copy("INBOX", uid, "Archive");
    server.ties = (key) => (key === "twin" ? { messageId: idOf("a") } : {});
    server.add("INBOX", "twin");
    await watch.look();
    expect(await sizes(watch)).toEqual([3]);
    const [thread] = await store.threads.list(watch.accountId, { after: null, limit: 9, folder: null });
    expect(thread?.messages).toBe(1);
  });

  test("goes by the server's own id where it tells one, and by nothing else", async () => {
    const { server, watch, told } = await house({});
    server.ties = (key) => ({ thread: key.slice(0, 1), references: [idOf("root")] });
    for (const key of ["a1", "b1", "a2"]) server.add("INBOX", key);
    await watch.look();
    const { a1, a2, b1 } = await told();
    expect(a1).toEqual(a2);
    expect(a1).not.toEqual(b1);
    expect((await sizes(watch)).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  test("without a Message-ID is a thread of its own, unless it answers something", async () => {
    const { server, watch } = await house({});
    server.ties = (key) => ({ messageId: null, references: key === "c" ? [idOf("a")] : [] });
    for (const key of ["a", "b", "c"]) server.add("INBOX", key);
    await watch.look();
    expect((await sizes(watch)).toSorted((a, b) => a - b)).toEqual([1, 1, 1]);
    const rows = await store.threads.messages(watch.accountId, [...(await watch.threads()).keys()]);
    expect(new Set(rows.map(({ own }) => own)).size).toBe(3);
  });
});

describe("what changes", () => {
  test.each([true, false])("its place stays in its thread (keys for life: %s)", async (permanent) => {
    const { server, watch, told } = await house({ b: ["a"] }, { permanent });
    const uid = server.add("INBOX", "a");
    server.add("INBOX", "lone");
    await watch.look();
    const before = await told();
    server.move("INBOX", uid, "Archive");
    server.move("INBOX", uid + 1, "Sent");
    await watch.look();
    await watch.look();
    expect([...(await watch.threads()).values()].flat().toSorted()).toEqual(["Archive/1", "Sent/1"]);
    server.add("INBOX", "b");
    await watch.look();
    const after = await told();
    expect(after["b"]).toEqual([before["a"]?.[0]]);
    for (const key of ["a", "lone"]) expect(new Set(after[key])).toEqual(new Set(before[key]));
  });

  test("its flags are told with its thread", async () => {
    const { server, watch, told } = await house({ b: ["a"] });
    server.add("INBOX", "a");
    await watch.look();
    const { a } = await told();
    server.flag("INBOX", 1, { seen: true });
    await watch.look();
    expect((await told())["a"]).toEqual([a?.[0], a?.[0]]);
  });

  test("and what is gone leaves the others together, as long as one is left, and for a day more", async () => {
    const { server, watch } = await house({ b: ["a"], c: ["b"] });
    const uids = ["a", "b", "c"].map((key) => server.add("INBOX", key));
    await watch.look();
    server.remove("INBOX", uids[1] ?? 0);
    await watch.look();
    await watch.look();
    expect(await sizes(watch)).toEqual([2]);
    const [id] = (await watch.threads()).keys();
    for (const uid of [uids[0], uids[2]]) server.remove("INBOX", uid ?? 0);
    await watch.look();
    expect(await sizes(watch)).toEqual([]);
    expect(await watch.threadOf(idOf("b"))).toBe(id);
    watch.later(25 * 3_600_000);
    server.remove("INBOX", server.add("INBOX", "x"));
    const gone = server.add("INBOX", "y");
    await watch.look();
    server.remove("INBOX", gone);
    await watch.look();
    expect(await watch.threadOf(idOf("b"))).toBe(undefined);
  });

  test("UIDVALIDITY is another: what lay there comes back into its threads", async () => {
    const { server, watch } = await house({ b: ["a"] });
    server.add("INBOX", "a");
    server.add("Archive", "b");
    await watch.look();
    const [id] = (await watch.threads()).keys();
    const folder = server.folders.get("INBOX");
    if (folder) folder.uidValidity += 1_000;
    await watch.look();
    expect([...(await watch.threads()).values()]).toEqual([["Archive/1"]]);
    while (await watch.indexEarlier());
    const threads = await watch.threads();
    expect([...threads.keys()]).toEqual([id]);
    expect(await sizes(watch)).toEqual([2]);
  });

  test("a folder that is gone takes its messages out of the index", async () => {
    const { server, watch } = await house({ b: ["a"] });
    server.add("INBOX", "a");
    server.add("Archive", "b");
    await watch.look();
    server.drop("Archive");
    await watch.look();
    expect([...(await watch.threads()).values()]).toEqual([["INBOX/1"]]);
  });

  test("what a window gives up goes from the index as well", async () => {
    const { server, watch } = await house({}, { window: 1_000 });
    for (let n = 0; n < 2_500; n += 1) server.add("INBOX");
    await watch.look();
    const listed = await store.threads.list(watch.accountId, { after: null, limit: 5_000, folder: 1 });
    expect(listed.length).toBeGreaterThanOrEqual(1_000);
    expect(listed.length).toBeLessThan(2_000);
    expect(Math.min(...listed.map(({ latest }) => latest.uid))).toBeGreaterThan(500);
  });
});

describe("what was there before", () => {
  async function before(counts: Record<string, number>) {
    const server = modelServer({ permanent: true, condstore: true });
    server.ties = (key) => ({ references: key.startsWith("r") ? [idOf(`o${key.slice(1)}`)] : [] });
    for (const [path, count] of Object.entries(counts)) {
      server.create(path);
      for (let n = 1; n <= count; n += 1) server.add(path, `${path}${n}`);
    }
    const watch = await watchedModel(store, server);
    await watch.look();
    return { server, watch };
  }
  const indexed = async (watch: WatchedModel): Promise<Record<string, number[]>> => {
    const places = [...(await watch.threads()).values()].flat().map((place) => place.split("/"));
    return Object.fromEntries(
      Object.entries(Object.groupBy(places, ([path = ""]) => path)).map(([path, some = []]) => [
        path,
        some.map(([, uid]) => Number(uid)).toSorted((a, b) => a - b),
      ]),
    );
  };
  const range = (low: number, high: number): number[] => Array.from({ length: high - low + 1 }, (_, n) => low + n);

  test("comes into the index by the hundred, newest first, inbox, sent and archive before others, 500 of each; nothing is told", async () => {
    const { watch } = await before({ Work: 3, INBOX: 730, Archive: 50, Sent: 40 });
    expect(await indexed(watch)).toEqual({});
    expect(await watch.indexEarlier()).toBe(true);
    expect(await indexed(watch)).toEqual({ INBOX: range(631, 730) });
    for (let n = 0; n < 4; n += 1) expect(await watch.indexEarlier()).toBe(true);
    expect(await indexed(watch)).toEqual({ INBOX: range(231, 730) });
    expect(await watch.indexEarlier()).toBe(false);
    const all = { INBOX: range(231, 730), Sent: range(1, 40), Archive: range(1, 50), Work: range(1, 3) };
    expect(await indexed(watch)).toEqual(all);
    expect(await watch.indexEarlier()).toBe(false);
    expect(await watch.events()).toEqual([]);
  });

  test("is told with its thread before it is there, where something happens to it", async () => {
    const { server, watch } = await before({ INBOX: 2 });
    server.flag("INBOX", 1, { seen: true });
    await watch.look();
    expect(await indexed(watch)).toEqual({});
    const [event] = await watch.events();
    await watch.indexEarlier();
    expect(event?.data?.["threadId"]).toBe(await watch.threadOf(idOf("INBOX1")));
  });

  test("and what comes meanwhile, or goes, is right as well", async () => {
    const { server, watch } = await before({ INBOX: 250 });
    await watch.indexEarlier();
    server.remove("INBOX", 200);
    server.remove("INBOX", 100);
    server.add("INBOX", "rINBOX90");
    await watch.indexEarlier();
    await watch.look();
    await watch.look();
    while (await watch.indexEarlier());
    const left = [...range(1, 99), ...range(101, 199), ...range(201, 251)];
    expect(await indexed(watch)).toEqual({ INBOX: left });
  });

  test("asks again for what the server fails to give, and for ever less of it", async () => {
    const { server, watch } = await before({ INBOX: 620 });
    const summaries = server.mailbox.summaries.bind(server.mailbox);
    let asked = 0;
    server.mailbox.summaries = async () => {
      asked += 1;
      throw new Failure("upstream-protocol-error", "It makes no sense.");
    };
    expect(await watch.indexEarlier()).toBe(false);
    expect(await watch.indexEarlier()).toBe(false);
    server.mailbox.summaries = summaries;
    while (await watch.indexEarlier());
    expect(await indexed(watch)).toEqual({ INBOX: range(321, 620) });
    server.mailbox.summaries = async () => {
      throw new Failure("upstream-protocol-error", "It makes no sense.");
    };
    expect(await watch.indexEarlier()).toBe(false);
    expect(asked).toBe(2);
  });

  test("is done after a round of looks, and new mail in the inbox does not wait for it", async () => {
    const { server, watch } = await before({ INBOX: 620, Work: 30 });
    const summaries = server.mailbox.summaries.bind(server.mailbox);
    const told: number[] = [];
    server.mailbox.summaries = async (places) => {
      if (told.length === 1) server.add("INBOX", "new");
      told.push((await watch.events()).length);
      return summaries(places);
    };
    const round = await watch.round();
    expect(await indexed(watch)).toEqual({ INBOX: range(121, 621), Work: range(1, 30) });
    expect(told).toEqual([0, 0, 1, 1, 1, 1]);
    // The next round comes when it would have come anyway.
    expect(round?.nextAt).toBeGreaterThan(1_790_000_055_000);
  });

  test("makes room for those who want the mailbox, and goes on a little though there is always somebody", async () => {
    const { watch } = await before({ INBOX: 620 });
    let asked = 0;
    await watch.round(() => (asked += 1) > 1);
    expect(await indexed(watch)).toEqual({ INBOX: range(421, 620) });
    await watch.round(() => true);
    expect(await indexed(watch)).toEqual({ INBOX: range(321, 620) });
    await watch.round();
    expect(await indexed(watch)).toEqual({ INBOX: range(121, 620) });
  });
});
