import { describe, expect, test } from "vitest";
import type { ThreadChange, ThreadMessageRow } from "../../src/store/rows.ts";
import type { Store, WatchChange } from "../../src/store/store.ts";
import type { Subject } from "./contract.ts";
import { accountRow, appRow, newEvent, watchFolderRow } from "./rows.ts";

const day = 86_400_000;

async function house(store: Store) {
  const app = appRow();
  await store.apps.insert(app);
  const account = accountRow({ appId: app.id });
  await store.accounts.insert(account);
  const { id } = account;
  const write = (change: WatchChange, epoch = 0) => store.watches.write({ id, appId: app.id, epoch }, change);
  const change = (some: Partial<ThreadChange>, at = 0) =>
    write({ at, threads: { remove: [], merges: [], links: [], put: [], ...some } });
  /** Threads, each with its links, newest first. */
  const known = async (nodes: string[]) => ({
    listed: (await store.threads.list(id, { after: null, limit: 99, folder: null })).map((one) => [
      one.id,
      one.latestAt,
      one.messages,
    ]),
    links: Object.fromEntries(await store.threads.of(id, nodes)),
  });
  return { id, app, account, write, change, known };
}

function row(uid: number, thread: string, at: number, more: Partial<ThreadMessageRow> = {}): ThreadMessageRow {
  return { folder: 1, uidValidity: 4_294_967_295, uid, key: null, own: `own${uid}`, thread, at, ...more };
}

export function threadsContract(subject: () => Promise<Subject>): void {
  describe("the index of threads", () => {
    test("comes back as it was put in", async () => {
      const { store } = await subject();
      const { id, change } = await house(store);
      const rows = [
        row(4_294_967_295, "a", 1_790_000_000_000),
        row(2, "a", 1_790_000_000_001, { folder: 2 }),
        row(3, "b", 5, { key: "uidl:ü 🌍" }),
      ];
      await change({ put: rows, links: [{ node: "n", thread: "a" }] });
      expect(await store.threads.messages(id, ["a", "b", "none"])).toEqual([rows[2], rows[0], rows[1]]);
      expect(await store.threads.messages("acc_other", ["a"])).toEqual([]);
      expect(await store.threads.of(id, ["n", "m", "n"])).toEqual(new Map([["n", "a"]]));
      expect(await store.threads.of("acc_other", ["n"])).toEqual(new Map());
      expect(await store.threads.of(id, [])).toEqual(new Map());
      expect(await store.threads.earliest(id, ["a", "b", "none"])).toEqual(
        new Map([
          ["a", 1_790_000_000_000],
          ["b", 5],
        ]),
      );
    });

    test("is listed newest first, a page after the other, copies counted once; of a folder, or of all", async () => {
      const { store } = await subject();
      const { id, change } = await house(store);
      const put = [
        row(1, "a", 10),
        row(2, "a", 30),
        row(9, "a", 30, { folder: 2, own: "own2" }),
        row(3, "b", 20),
        row(4, "c", 20, { folder: 2 }),
        row(5, "d", 5),
      ];
      await change({ put });
      const list = async (after: { at: number; id: string } | null, limit: number, folder: number | null = null) =>
        (await store.threads.list(id, { after, limit, folder })).map((one) => [one.id, one.messages, one.latest.uid]);
      expect(await list(null, 9)).toEqual([
        ["a", 2, 9],
        ["c", 1, 4],
        ["b", 1, 3],
        ["d", 1, 5],
      ]);
      expect(await list(null, 2)).toEqual([
        ["a", 2, 9],
        ["c", 1, 4],
      ]);
      expect(await list({ at: 20, id: "c" }, 2)).toEqual([
        ["b", 1, 3],
        ["d", 1, 5],
      ]);
      expect(await list(null, 9, 2)).toEqual([
        ["a", 2, 9],
        ["c", 1, 4],
      ]);
      expect(await list({ at: 30, id: "a" }, 9, 1)).toEqual([
        ["b", 1, 3],
        ["d", 1, 5],
      ]);
      expect(await list(null, 9, 3)).toEqual([]);
    });

    test("tells a thread's newest messages, its folders, and how much it has of each folder", async () => {
      const { store } = await subject();
      const { id, change } = await house(store);
      const rows = [
        row(1, "a", 10),
        row(2, "a", 30),
        row(9, "a", 30, { folder: 2, own: "own2" }),
        row(3, "a", 20),
        row(4, "b", 5),
      ];
      await change({ put: rows });
      const [one, two, copy, three] = rows;
      expect(await store.threads.newest(id, "a", 3)).toEqual({ messages: 3, rows: [copy, two, three] });
      expect(await store.threads.newest(id, "a", 9)).toEqual({ messages: 3, rows: [copy, two, three, one] });
      for (const [account, thread] of [
        [id, "none"],
        ["acc_other", "a"],
      ] as const)
        expect(await store.threads.newest(account, thread, 9)).toEqual({ messages: 0, rows: [] });
      expect(await store.threads.newestOfEach(id, ["b", "a", "none"], 2)).toEqual([copy, two, rows[4]]);
      expect(await store.threads.newestOfEach("acc_other", ["a"], 2)).toEqual([]);
      expect(await store.threads.newestOfEach(id, [], 2)).toEqual([]);
      const folders = await store.threads.folders(id, ["a", "b", "none"]);
      expect(new Map([...folders].map(([thread, some]) => [thread, new Set(some)]))).toEqual(
        new Map([
          ["a", new Set([1, 2])],
          ["b", new Set([1])],
        ]),
      );
      expect(await store.threads.counts(id)).toEqual(
        new Map([
          [1, 4],
          [2, 1],
        ]),
      );
      expect(await store.threads.counts("acc_other")).toEqual(new Map());
    });

    test("knows when the newest message of a thread arrived, whatever comes and goes", async () => {
      const { store } = await subject();
      const { change, known } = await house(store);
      await change({ put: [row(1, "a", 10), row(2, "a", 30), row(3, "a", 20)] });
      expect((await known([])).listed).toEqual([["a", 30, 3]]);
      await change({ remove: [{ folder: 1, uids: [2, 77], below: 0 }] });
      expect((await known([])).listed).toEqual([["a", 20, 2]]);
      await change({ remove: [{ folder: 2, uids: [1, 3], below: 99 }] });
      expect((await known([])).listed).toEqual([["a", 20, 2]]);
      await change({ remove: [{ folder: 1, uids: [3], below: 0 }], put: [row(4, "a", 15)] });
      expect((await known([])).listed).toEqual([["a", 15, 2]]);
      await change({ remove: [{ folder: 1, uids: [], below: 4 }], put: [row(5, "b", 1)] });
      expect((await known([])).listed).toEqual([
        ["a", 15, 1],
        ["b", 1, 1],
      ]);
      // The same message once more changes nothing.
      await change({ put: [row(5, "b", 1)] });
      expect((await known([])).listed).toHaveLength(2);
    });

    test("remembers an empty thread for a day, so that what comes back finds it", async () => {
      const { store } = await subject();
      const { change, known } = await house(store);
      const links = [
        { node: "a", thread: "a" },
        { node: "b", thread: "b" },
      ];
      await change({ put: [row(1, "a", 10), row(2, "b", 20)], links });
      await change({ remove: [{ folder: 1, uids: [1, 2], below: 0 }] }, 1_000);
      expect(await known(["a", "b"])).toEqual({ listed: [], links: { a: "a", b: "b" } });
      await change({ put: [row(3, "a", 30)] }, 2_000);
      await change({ remove: [{ folder: 1, uids: [99], below: 0 }] }, 1_000 + day);
      expect((await known(["a", "b"])).links).toEqual({ a: "a", b: "b" });
      await change({ remove: [{ folder: 1, uids: [99], below: 0 }] }, 1_001 + day);
      expect(await known(["a", "b"])).toEqual({ listed: [["a", 30, 1]], links: { a: "a" } });
      // What comes back in the very write that forgets the others is kept.
      await change({ remove: [{ folder: 1, uids: [3], below: 0 }] }, 2 * day);
      const late = { remove: [{ folder: 1, uids: [99], below: 0 }], put: [row(6, "a", 60)] };
      await change(late, 9 * day);
      expect(await known(["a"])).toEqual({ listed: [["a", 60, 1]], links: { a: "a" } });
    });

    test("has threads merged: messages, links and the time of the newest go to the winner", async () => {
      const { store } = await subject();
      const { id, change, known } = await house(store);
      const links = ["a", "b", "c", "d"].map((node) => ({ node, thread: node }));
      await change({
        put: [row(1, "a", 10), row(2, "b", 40), row(3, "c", 20), row(4, "d", 50)],
        links: [...links, { node: "b2", thread: "b" }],
      });
      const merges = [
        { loser: "b", winner: "a" },
        { loser: "c", winner: "a" },
      ];
      await change({ merges, links: [{ node: "new", thread: "a" }], put: [row(5, "a", 15)] });
      expect(await known(["a", "b", "b2", "c", "d", "new"])).toEqual({
        listed: [
          ["d", 50, 1],
          ["a", 40, 4],
        ],
        links: { a: "a", b: "a", b2: "a", c: "a", d: "d", new: "a" },
      });
      expect((await store.threads.messages(id, ["a"])).map(({ uid }) => uid)).toEqual([1, 5, 3, 2]);
    });

    test("is refused with the rest of a write under another epoch", async () => {
      const { store } = await subject();
      const { id, app, write } = await house(store);
      const threads = { remove: [], merges: [], links: [{ node: "a", thread: "a" }], put: [row(1, "a", 1)] };
      const event = newEvent(id, { appId: app.id });
      expect(await write({ threads, events: [event] }, 7)).toBe(false);
      expect(await store.threads.messages(id, ["a"])).toEqual([]);
      expect(await store.threads.of(id, ["a"])).toEqual(new Map());
      expect(await write({ threads, events: [event] })).toBe(true);
      expect(await store.threads.messages(id, ["a"])).toHaveLength(1);
    });

    test("loses a folder that is watched no more, or begun anew, and no other", async () => {
      const { store } = await subject();
      const { id, write, change, known } = await house(store);
      await write({ folders: [1, 2, 3].map((folder) => watchFolderRow(id, { folder })) });
      await change({
        put: [row(1, "a", 10), row(1, "a", 20, { folder: 2 }), row(1, "b", 30, { folder: 3 })],
        links: [{ node: "a", thread: "a" }],
      });
      await write({ unwatched: [2], at: 5 });
      expect((await known([])).listed).toEqual([
        ["b", 30, 1],
        ["a", 10, 1],
      ]);
      await write({ chunks: { folder: 1, clear: false, put: [], remove: [] } });
      expect((await known([])).listed).toHaveLength(2);
      await write({ chunks: { folder: 1, clear: true, put: [], remove: [] }, at: 5 });
      expect(await known(["a"])).toEqual({ listed: [["b", 30, 1]], links: { a: "a" } });
    });

    test("takes as much as one look can find, in one write", async () => {
      const { store } = await subject();
      const { id, change } = await house(store);
      const put = Array.from({ length: 200 }, (_, n) => row(n + 1, `thr_${n % 50}`, n));
      const links = Array.from({ length: 20_400 }, (_, n) => ({
        node: `thr_${"x".repeat(20)}${n}`,
        thread: `thr_${n % 50}`,
      }));
      const merges = Array.from({ length: 5_000 }, (_, n) => ({ loser: `none${n}`, winner: "thr_1" }));
      const remove = [{ folder: 2, uids: Array.from({ length: 10_000 }, (_, n) => n), below: 0 }];
      await change({ put, links, merges, remove });
      const found = await store.threads.of(
        id,
        links.map(({ node }) => node),
      );
      expect(found.size).toBe(links.length);
      const threads = Array.from({ length: 200 }, (_, n) => `thr_${n}`);
      expect(await store.threads.messages(id, threads)).toHaveLength(200);
    });

    test("is listed soon where thousands of one thread arrived at one time, and among thousands of others", async () => {
      const { store } = await subject();
      const { id, change } = await house(store);
      for (let n = 0; n < 4; n += 1) {
        const put = Array.from({ length: 1_000 }, (_, at) => row(n * 1_000 + at + 1, "same", 9, { own: "copy" }));
        const others = Array.from({ length: 1_000 }, (_, at) =>
          row(n * 1_000 + at + 1, `t${n}-${at}`, 5, { folder: 2 }),
        );
        await change({ put: [...put, ...others] });
      }
      const begun = performance.now();
      const listed = await store.threads.list(id, { after: null, limit: 50, folder: null });
      expect(performance.now() - begun).toBeLessThan(1_000);
      expect(listed).toHaveLength(50);
      expect(listed[0]).toMatchObject({ id: "same", messages: 1, latest: { uid: 4_000, at: 9 } });
      expect(new Set(listed.map((one) => one.id)).size).toBe(50);
    });

    test("has each of several merges go to its own winner", async () => {
      const { store } = await subject();
      const { change, known } = await house(store);
      const ids = ["a", "b", "c", "d", "e"];
      const links = ids.map((node) => ({ node, thread: node }));
      await change({ put: ids.map((id, at) => row(at + 1, id, at)), links });
      const merges = [
        { loser: "b", winner: "a" },
        { loser: "d", winner: "c" },
        { loser: "e", winner: "c" },
      ];
      await change({ merges });
      expect(await known(ids)).toEqual({
        listed: [
          ["c", 4, 3],
          ["a", 1, 2],
        ],
        links: { a: "a", b: "a", c: "c", d: "c", e: "c" },
      });
    });

    test("goes with the account, and with its mailbox", async () => {
      const { store } = await subject();
      for (const how of ["remove", "anew"]) {
        const { id, app, account, change } = await house(store);
        const other = await house(store);
        const some = { put: [row(1, "a", 1)], links: [{ node: "a", thread: "a" }] };
        await change(some);
        await other.change(some);
        if (how === "anew") await store.accounts.update(account, 1, { anew: true });
        else await store.accounts.remove(app.id, id, newEvent(id, { appId: app.id, type: "account.deleted" }));
        expect(await store.threads.messages(id, ["a"])).toEqual([]);
        expect(await store.threads.of(id, ["a"])).toEqual(new Map());
        expect(await store.threads.list(id, { after: null, limit: 9, folder: null })).toEqual([]);
        expect(await store.threads.messages(other.id, ["a"])).toHaveLength(1);
      }
    });
  });
}
