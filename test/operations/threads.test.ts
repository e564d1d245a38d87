import { describe, expect, test } from "vitest";
import { Failure, type FailureCode } from "../../src/errors.ts";
import type { ImapPlace } from "../../src/mail/message.ts";
import { getThread } from "../../src/operations/get-thread.ts";
import { listThreads, type ThreadsAsked } from "../../src/operations/list-threads.ts";
import { syncFolders } from "../../src/operations/sync-folders.ts";
import type { AccountRow, IntentRow, ThreadMessageRow } from "../../src/store/rows.ts";
import { openSearchHouse } from "./search-house.ts";

const now = Date.UTC(2026, 10, 23);

/** An index of threads that somebody has written: each message by its thread, its folder's path, its UID there, and its time. */
async function setup(...paths: string[]) {
  const house = openSearchHouse();
  const folders = paths.map((path) => house.add(path));
  await syncFolders(house.needs, house.account, () => house.mailbox.folders());
  const rows: ThreadMessageRow[] = [];
  const links = new Map<string, string>();
  /** The threads that were asked for together. */
  const asked: string[][] = [];
  const intents: IntentRow[] = [];
  const numberOf = (path: string): number => house.rows().find((row) => row.path === path)?.number ?? 0;
  const byTime = (one: ThreadMessageRow, other: ThreadMessageRow): number => other.at - one.at || other.uid - one.uid;
  const newest = async (_: string, thread: string, limit: number) => {
    const all = rows.filter((row) => row.thread === thread).toSorted(byTime);
    return { messages: new Set(all.map(({ own }) => own)).size, rows: all.slice(0, limit) };
  };
  const needs = {
    ...house.needs,
    intents: { list: async () => intents },
    watches: { folders: async () => [] },
    threads: {
      of: async (_: string, ids: Iterable<string>) =>
        new Map([...ids].flatMap((id) => (links.has(id) ? [[id, links.get(id) ?? ""] as const] : []))),
      newest,
      async newestOfEach(account: string, threads: string[], limit: number) {
        asked.push(threads);
        return (await Promise.all(threads.map((id) => newest(account, id, limit)))).flatMap((one) => one.rows);
      },
      folders: async (_: string, threads: string[]) =>
        new Map(threads.map((id) => [id, rows.filter(({ thread }) => thread === id).map(({ folder }) => folder)])),
      counts: async () => new Map<number, number>(),
      async list(account: string, { limit, after }: { limit: number; after: { id: string } | null }) {
        const all = [...new Set(rows.toSorted(byTime).map(({ thread }) => thread))];
        const from = after === null ? 0 : all.indexOf(after.id) + 1;
        const threads = all.slice(from, from + limit);
        return Promise.all(
          threads.map(async (id) => {
            const { messages, rows: all } = await newest(account, id, 1);
            const [latest] = all;
            if (latest === undefined) throw new Error("empty");
            return { id, messages, latest, latestAt: latest.at };
          }),
        );
      },
    },
  };
  /** Puts a message into a folder and into the index; without `isThere` into the index only. */
  function put(thread: string, path: string, at: number, isThere = true): number {
    const folder = folders.find((one) => one.path === path);
    if (folder === undefined) throw new Error(`no ${path}`);
    const uid = folder.uidNext;
    house.put(folder, at, `${path}${uid}`);
    if (!isThere) folder.messages.pop();
    links.set(thread, thread);
    rows.push({
      folder: numberOf(path),
      uidValidity: folder.uidValidity,
      uid,
      key: null,
      own: `${thread}${at}`,
      thread,
      at,
    });
    return uid;
  }
  const signal = new AbortController().signal;
  const list = (asked: Partial<ThreadsAsked> = {}) =>
    listThreads(needs)(house.caller, house.account.id, { folder: null, limit: 50, include: [], signal, ...asked });
  const get = (id: string, change: Partial<AccountRow> = {}) => {
    const accounts = { ...needs.accounts, get: async () => ({ ...house.account, ...change }) };
    return getThread({ ...needs, accounts })(house.caller, house.account.id, { id, include: [], signal });
  };
  const refused = new Map<string, Failure>();
  const { session } = house;
  const summaries = session.summaries.bind(session);
  const read: string[] = [];
  session.summaries = async (places: ImapPlace[]) => {
    read.push(...new Set(places.map(({ path }) => path)));
    for (const { path } of places) {
      const failure = refused.get(path);
      if (failure !== undefined) throw failure;
    }
    return summaries(places);
  };
  /** Has a folder refuse to be read. */
  const refuse = (path: string, code: FailureCode = "refused-by-server"): void => {
    refused.set(path, new Failure(code, "No."));
  };
  const idOf = (path: string) => house.rows().find((row) => row.path === path)?.id;
  return { ...house, put, list, get, refuse, idOf, links, intents, numberOf, asked, read };
}

describe("a list of threads", () => {
  test("shows the next message where the latest is gone, and leaves out a thread of which none is found", async () => {
    const { put, list } = await setup("INBOX", "Sent");
    put("a", "INBOX", now);
    put("a", "Sent", now + 1000);
    for (let n = 0; n < 5; n += 1) put("a", "INBOX", now + 2000 + n, false);
    put("gone", "INBOX", now + 9000, false);
    put("b", "INBOX", now - 1000);
    const { data } = await list();
    expect(data.map(({ id, lastMessageAt }) => [id, Date.parse(lastMessageAt)])).toEqual([
      ["a", now + 1000],
      ["b", now - 1000],
    ]);
    expect(data[0]?.latest).toMatchObject({ threadId: "a" });
  });

  test("tells which folder could not be read, and what the others hold; where that is nothing it fails", async () => {
    const { put, list, refuse, idOf } = await setup("INBOX", "Broken");
    put("a", "INBOX", now);
    put("a", "Broken", now + 1000);
    put("b", "Broken", now);
    refuse("Broken");
    const { data, meta } = await list();
    expect(data.map(({ id, latest }) => [id, latest.folderIds])).toEqual([["a", [idOf("INBOX")]]]);
    expect(meta.failed).toEqual([{ folderId: idOf("Broken"), code: "refused-by-server", detail: "No." }]);
    refuse("Broken", "storage-unavailable");
    await expect(list()).rejects.toMatchObject({ code: "storage-unavailable" });
    refuse("Broken");
    refuse("INBOX");
    await expect(list()).rejects.toMatchObject({ code: "refused-by-server" });
  });

  test("goes on behind a page of which nothing can be read, and tries a folder once", async () => {
    const { put, list, refuse, idOf, read } = await setup("INBOX", "Broken");
    for (let n = 0; n < 5; n += 1) put(`broken${n}`, "Broken", now + n);
    put("a", "INBOX", now - 1000);
    refuse("Broken");
    const first = await list({ limit: 3 });
    expect(first.data).toEqual([]);
    expect(first.meta.failed).toMatchObject([{ folderId: idOf("Broken") }]);
    expect(read).toEqual(["Broken"]);
    const second = await list({ limit: 3, cursor: first.nextCursor ?? "" });
    expect(second.data.map(({ id }) => id)).toEqual(["a"]);
    expect(second.nextCursor).toBe(null);
    refuse("Broken", "upstream-timeout");
    await expect(list({ limit: 3 })).rejects.toMatchObject({ code: "upstream-timeout" });
    refuse("Broken");
    put("last", "Broken", now - 2000);
    const third = await list({ limit: 6 });
    expect((await list({ limit: 6, cursor: third.nextCursor ?? "" })).data).toEqual([]);
  });

  test("asks at once for what stood before in many threads whose latest is gone", async () => {
    const { put, list, asked } = await setup("INBOX");
    for (let n = 0; n < 60; n += 1) {
      put(`t${n}`, "INBOX", now + n);
      put(`t${n}`, "INBOX", now + 1000 + n, false);
    }
    expect((await list()).data).toHaveLength(50);
    expect(asked.map((threads) => threads.length)).toEqual([50]);
  });

  test("names no folder that is gone", async () => {
    const { put, list, idOf, rows } = await setup("INBOX", "Old");
    put("a", "INBOX", now);
    put("a", "Old", now - 1000);
    expect((await list()).data[0]?.folderIds).toEqual([idOf("INBOX"), idOf("Old")]);
    const old = rows().find(({ path }) => path === "Old");
    if (old === undefined) throw new Error("no folder");
    old.missingSince = now;
    expect((await list()).data[0]?.folderIds).toEqual([idOf("INBOX")]);
  });
});

describe("a thread", () => {
  test("is told with its 500 newest messages, oldest first, and says that there are more", async () => {
    const { put, get } = await setup("INBOX", "Sent");
    for (let n = 0; n < 501; n += 1) put("a", n % 2 === 0 ? "INBOX" : "Sent", now + n * 1000);
    const { messages, truncated, messageCount } = await get("a");
    expect([messages.length, truncated, messageCount]).toEqual([500, true, 501]);
    expect(messages.map(({ receivedAt = "" }) => Date.parse(receivedAt) - now)).toEqual(
      Array.from({ length: 500 }, (_, n) => (n + 1) * 1000),
    );
    put("b", "INBOX", now);
    expect((await get("b")).truncated).toBe(false);
  });

  test("has what Postern moved, once and again, where it is now", async () => {
    const { put, get, intents, numberOf, idOf, folders } = await setup("INBOX", "Archive", "Trash");
    const uid = put("a", "INBOX", now, false);
    const [, archive, trash] = folders;
    if (trash === undefined || archive === undefined) throw new Error("no folder");
    const there = put("other", "Trash", now);
    const at = (path: string, uidValidity = 0, uids: number[] = []) => ({ folder: numberOf(path), uidValidity, uids });
    const times = { createdAt: now, expiresAt: now + 1e9 };
    const move = { accountId: "x", kind: "place", uidNext: null, change: null, settled: true, ...times } as const;
    const source = at("INBOX", folders[0]?.uidValidity, [77, uid]);
    const between = at("Archive", archive.uidValidity, [8, 9]);
    intents.push(
      { ...move, id: "1", folder: between.folder, source, placed: between },
      {
        ...move,
        id: "2",
        folder: numberOf("Trash"),
        source: at("Archive", archive.uidValidity, [9]),
        placed: at("Trash", trash.uidValidity, [there]),
      },
    );
    expect((await get("a")).messages.map(({ folderIds }) => folderIds)).toEqual([[idOf("Trash")]]);
  });

  test("answers to the id of one that was merged into it; with no message left it is not there", async () => {
    const { put, get, links } = await setup("INBOX");
    put("winner", "INBOX", now);
    links.set("loser", "winner");
    expect((await get("loser")).id).toBe("winner");
    put("gone", "INBOX", now, false);
    links.set("empty", "empty");
    for (const id of ["gone", "empty", "unknown"]) await expect(get(id)).rejects.toMatchObject({ code: "not-found" });
    await expect(get("unknown", { incoming: null })).rejects.toMatchObject({ code: "no-incoming" });
  });
});
