import { describe, expect, test } from "vitest";
import type { Expression } from "../../src/mail/search.ts";
import { type ListAsked, listMessages } from "../../src/operations/list-messages.ts";
import { openSearchHouse } from "./search-house.ts";

const from = Date.UTC(2026, 0, 1);
const seen: Expression = { op: "seen" };

function setup() {
  const house = openSearchHouse();
  const run = listMessages(house.needs);
  const list = (asked: Partial<ListAsked> = {}) =>
    run(house.caller, house.account.id, {
      folder: "all",
      order: "newest",
      limit: 50,
      count: false,
      include: [],
      conditions: {},
      expressionAt: () => ({ op: "all" }),
      signal: new AbortController().signal,
      ...asked,
    });
  return { ...house, list, folderId: (path: string) => house.rows().find((row) => row.path === path)?.id };
}

describe("a message that lies in several folders", () => {
  test("is one on a page, which names them all", async () => {
    const { add, put, list, folderId } = setup();
    const [inbox, allMail] = [add("INBOX", "inbox"), add("All Mail", "allMail")];
    for (const [n, key] of ["aa", "bb", "cc"].entries()) {
      if (key !== "bb") put(inbox, from + n * 1000, key);
      put(allMail, from + n * 1000, key);
    }
    const { data, meta, nextCursor } = await list();
    const [one, other] = [folderId("INBOX"), folderId("All Mail")];
    expect(data.map(({ folderIds }) => folderIds)).toEqual([[one, other], [other], [one, other]]);
    expect(new Set(data.map(({ id }) => id)).size).toBe(3);
    expect(meta.folders).toEqual([one, other]);
    expect(nextCursor).toBeNull();
  });
});

describe("a cursor", () => {
  const filled = () => {
    const house = setup();
    for (const name of ["INBOX", "Sent"])
      for (let n = 0, folder = house.add(name, name === "INBOX" ? "inbox" : null); n < 5; n++)
        house.put(folder, from + n * 1000, `${name}${n}`, n % 2 === 0);
    return house;
  };

  test.each(["inbox", "all"])(
    "in %s goes on with what was asked for at first, also days counted back",
    async (folder) => {
      const { list, clock } = filled();
      const nows: number[] = [];
      const asked = { folder, limit: 2, expressionAt: (now: number) => (nows.push(now), seen) };
      const first = await list(asked);
      await clock.advance(86_400_000);
      const second = await list({ ...asked, cursor: first.nextCursor ?? "" });
      expect(nows).toEqual([nows[0], nows[0]]);
      expect([...first.data, ...second.data].every(({ flags }) => flags.seen)).toBe(true);
      expect(new Set([...first.data, ...second.data].map(({ id }) => id)).size).toBe(folder === "all" ? 4 : 3);
    },
  );

  test.each([{ conditions: { q: "x" } }, { folder: "inbox" }, { order: "oldest" as const }, { count: true }])(
    "is refused with %o",
    async (change) => {
      const { list } = filled();
      const { nextCursor } = await list({ limit: 2 });
      await expect(list({ limit: 2, cursor: nextCursor ?? "", ...change })).rejects.toMatchObject({
        code: "invalid-cursor",
      });
    },
  );

  test.each(["inbox", "all"])("in %s keeps what was counted at first", async (folder) => {
    const { list, searched } = filled();
    const asked = { folder, limit: 2, count: true, expressionAt: () => seen };
    const first = await list(asked);
    const second = await list({ ...asked, cursor: first.nextCursor ?? "" });
    const total = folder === "all" ? 6 : 3;
    expect([first.meta.total, second.meta.total]).toEqual([total, total]);
    expect(searched.filter(({ count }) => count)).toHaveLength(folder === "all" ? 2 : 1);
  });

  test("of several hundred folders fits into a URL", async () => {
    const { add, put, list } = setup();
    for (let n = 0; n < 250; n++)
      for (let m = 0, folder = add(`Folder ${n}`); m < 3; m++) put(folder, from + n * 1000 + m * 500_000, `${n}/${m}`);
    for (const folder of ["all"]) {
      const { nextCursor } = await list({ folder, limit: 200 });
      expect(nextCursor?.length).toBeLessThan(6000);
    }
  });
});

describe("a folder without conditions", () => {
  test("is listed, not searched, newest first; counted by STATUS", async () => {
    const { add, put, list, searched, session } = setup();
    const inbox = add("INBOX", "inbox");
    for (let n = 0; n < 5; n++) put(inbox, from + n, `${n}`);
    session.search = () => Promise.reject(new Error("searched"));
    const { meta, data } = await list({ folder: "inbox", count: true, limit: 3 });
    expect(data).toHaveLength(3);
    expect(meta).toMatchObject({ engine: "none", exact: true, undecided: 0, total: 5, failed: [] });
    expect(searched.every(({ until }) => until === 0)).toBe(true);
  });

  test("is searched oldest first, and has 20 seconds for it", async () => {
    const { add, put, list, searched, clock } = setup();
    const inbox = add("INBOX", "inbox");
    for (let n = 0; n < 3; n++) put(inbox, from + n * 1000, `${n}`);
    const { data } = await list({ folder: "inbox", order: "oldest" });
    expect(data.map(({ receivedAt }) => receivedAt)).toEqual(
      [0, 1, 2].map((n) => new Date(from + n * 1000).toISOString()),
    );
    expect(searched).toEqual([{ path: "INBOX", until: clock.now() + 20_000, count: false }]);
  });
});

describe("a server that says nothing", () => {
  const stuck = (name: "folders" | "summaries") => {
    const house = setup();
    for (const path of ["INBOX", "Sent"]) house.put(house.add(path, path === "INBOX" ? "inbox" : null), from, path);
    let isClosed = false;
    let end = (): void => {};
    const silence = () => new Promise<never>((_, reject) => (end = () => reject(new Error("the line was closed"))));
    async function close(): Promise<void> {
      isClosed = true;
      end();
    }
    Object.assign(house.session, { [name]: silence, close });
    return { ...house, isClosed: () => isClosed };
  };

  test.each(["folders", "summaries"] as const)(
    "of its %s has 20 seconds for a search, and is given up",
    async (name) => {
      const { list, clock, isClosed } = stuck(name);
      const failure = list().catch((error: unknown) => error);
      await clock.advance(0);
      await clock.advance(20_999);
      expect(isClosed()).toBe(false);
      await clock.advance(1);
      expect(await failure).toMatchObject({ code: "upstream-timeout" });
      expect(isClosed()).toBe(true);
    },
  );
});

describe("what the search tells along", () => {
  test("is not asked for again, and the rest is in its place", async () => {
    const { add, put, list, session, folders } = setup();
    const inFolders = ["INBOX", "Sent", "Work"].map((path) => add(path, path === "INBOX" ? "inbox" : null));
    for (let n = 0; n < 9; n++) put(inFolders[n % 3] ?? add(""), from + n * 1000, `key${n}`);
    const heads = session.heads.bind(session);
    const summaries = session.summaries.bind(session);
    const asked: string[] = [];
    session.summaries = (places) => {
      asked.push(...places.map(({ path, uid }) => `${path}/${uid}`));
      return summaries(places.filter(({ uid }) => uid !== 1));
    };
    session.heads = async (path, ...rest) => {
      const page = await heads(path, ...rest);
      if (path === "Sent") return page;
      const told = await summaries(page.heads.map(({ place }) => place));
      return { ...page, heads: page.heads.map((head, index) => ({ ...head, summary: told[index] ?? fail() })) };
    };
    const { data } = await list();
    expect(asked).toEqual(["Sent/3", "Sent/2", "Sent/1"]);
    expect(folders).toHaveLength(3);
    expect(data.map(({ receivedAt }) => Date.parse(receivedAt ?? "") - from)).toEqual(
      [8, 7, 6, 5, 4, 3, 2, 0].map((n) => n * 1000),
    );
  });

  test("is told by ids that are looked up once for all folders", async () => {
    const { add, put, list, needs } = setup();
    for (const path of ["INBOX", "Sent", "Work"]) put(add(path, path === "INBOX" ? "inbox" : null), from, path);
    const among: string[][] = [];
    needs.splitKeys.among = async (...asked: unknown[]) => {
      among.push(asked[1] as string[]);
      return new Set<string>();
    };
    expect((await list()).data).toHaveLength(3);
    expect(among.map((keys) => keys.length)).toEqual([3]);
  });
});

describe("what was counted", () => {
  const counted = async (asked: Partial<ListAsked>) => {
    const { add, put, list } = setup();
    put(add("INBOX", "inbox"), from, "key");
    for (const path of ["Sent", "Work"]) add(path);
    return (await list(asked)).meta.total;
  };
  const isIn = (folder: string): Expression => ({ op: "inFolder", folder });
  const elsewhere: Expression = { op: "not", of: isIn("inbox") };

  test.each<[string, Expression, number]>([
    ["in empty folders", elsewhere, 0],
    ["where nothing can match", isIn("archive"), 0],
    ["in all", { op: "all" }, 1],
  ])("is told %s, and only where that was asked", async (_, expression, total) => {
    expect(await counted({ expressionAt: () => expression, count: true })).toBe(total);
    expect(await counted({ expressionAt: () => expression })).toBeUndefined();
  });
});

test("once the caller has left no other folder is asked", async () => {
  const { add, put, list, session, searched } = setup();
  for (const path of ["INBOX", "Sent", "Work"]) put(add(path, path === "INBOX" ? "inbox" : null), from, path);
  const leaving = new AbortController();
  const { heads } = session;
  session.heads = (...asked) => {
    leaving.abort();
    return heads(...asked);
  };
  await expect(list({ signal: leaving.signal })).rejects.toMatchObject({ code: "request-timeout" });
  await new Promise((resolve) => setImmediate(resolve));
  expect(searched.map(({ path }) => path)).toEqual(["INBOX"]);
});

function fail(): never {
  throw new Error("gone");
}
