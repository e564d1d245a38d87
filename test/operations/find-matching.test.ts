import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Expression } from "../../src/mail/search.ts";
import { findMatching } from "../../src/operations/find-matching.ts";
import type { Matching } from "../../src/operations/matching.ts";
import { packedStart, packStart, unpackStart } from "../../src/operations/search-start.ts";
import { pick, seeded } from "../mail/random-search.ts";
import { openSearchHouse } from "./search-house.ts";

type House = ReturnType<typeof openSearchHouse>;
type Asked = { order?: "newest" | "oldest"; limit?: number; expression?: Expression; count?: boolean; folder?: string };

const all: Expression = { op: "all" };
const from = Date.UTC(2026, 0, 1);

/** A page; where it goes on has been through a cursor. */
async function page(house: House, asked: Asked, start: Matching["next"]): Promise<Matching> {
  const given = { folder: "all", expression: all, order: "newest", limit: 50, count: false, ...asked } as const;
  const packed = start && packedStart.parse(JSON.parse(JSON.stringify(packStart(start))));
  return findMatching(house.needs, house.mailbox, house.account, {
    ...given,
    start: packed && unpackStart(packed),
    until: house.clock.now() + 20_000,
  });
}

const named = ({ found }: Matching): string[] =>
  found.map(({ place }) => ("uid" in place ? `${place.path}/${place.uid}` : "?"));

/** All pages; `between` runs after each. */
async function walk(house: House, asked: () => Asked, between: () => void = () => {}): Promise<string[]> {
  const told: string[] = [];
  let start: Matching["next"] = null;
  for (let pages = 0; pages < 500; pages++) {
    const one: Matching = await page(house, asked(), start);
    told.push(...named(one));
    if (one.next === null) return told;
    start = one.next;
    between();
  }
  throw new Error("no end");
}

const names = ["INBOX", "Archive", "Trash", "Junk", "A/B"];

/** Folders in which mail came about in the order of time, but was also filed later. */
function filled(seed: number, isShort = true) {
  const random = seeded(seed);
  const house = openSearchHouse(isShort ? random : () => 1);
  for (const name of names.slice(0, 1 + Math.floor(random() * names.length))) {
    const folder = house.add(name, name === "INBOX" ? "inbox" : null);
    for (let n = Math.floor(random() * 30); n > 0; n--) arrive(house, folder, random);
  }
  return { house, random };
}

function arrive(house: House, folder: House["folders"][number], random: () => number): void {
  const at = folder.uidNext * 3 + Math.floor(random() * 8) - (random() < 0.1 ? 60 : 0);
  house.put(folder, random() < 0.05 ? null : from + at * 1000, "key", random() < 0.5);
}

const present = ({ folders }: House): string[] =>
  folders.flatMap(({ path, messages }) => messages.map(({ uid }) => `${path}/${uid}`));

describe("all folders", () => {
  test.each(["newest", "oldest"] as const)("%s first: pages of any size are the same merge", async (order) => {
    for (let seed = 1; seed <= 60; seed++) {
      const { house } = filled(seed, false);
      const whole = named(await page(house, { order, limit: 10_000 }, null));
      expect(new Set(whole)).toEqual(new Set(present(house)));
      for (const limit of [1, 3, 7, 50])
        expect(await walk(house, () => ({ order, limit })), `seed ${seed}`).toEqual(whole);
    }
  });

  test("are told by arrival, where they arrived in the order of their numbers; a tie goes by the folder's number", async () => {
    const house = openSearchHouse();
    const [inbox, archive] = [house.add("INBOX", "inbox"), house.add("Archive")];
    for (const [folder, seconds] of [
      [inbox, [1, 4, 5, 9]],
      [archive, [2, 5, 5, 10]],
    ] as const)
      for (const second of seconds) house.put(folder, from + second * 1000, "key");
    const newest = "Archive/4 INBOX/4 INBOX/3 Archive/3 Archive/2 INBOX/2 Archive/1 INBOX/1".split(" ");
    expect(await walk(house, () => ({ limit: 3 }))).toEqual(newest);
    const oldest = "INBOX/1 Archive/1 INBOX/2 INBOX/3 Archive/2 Archive/3 INBOX/4 Archive/4".split(" ");
    expect(await walk(house, () => ({ limit: 3, order: "oldest" }))).toEqual(oldest);
  });

  test.each(["newest", "oldest"] as const)(
    "%s first: nothing is told twice and nothing left out that stayed, whatever comes and goes between pages",
    async (order) => {
      for (let seed = 1; seed <= 150; seed++) {
        const { house, random } = filled(seed);
        const expression: Expression = random() < 0.5 ? all : { op: "seen" };
        const isMatch = ({ seen }: { seen: boolean }): boolean => expression.op === "all" || seen;
        const first = new Set(
          house.folders.flatMap(({ path, messages }) => messages.filter(isMatch).map(({ uid }) => `${path}/${uid}`)),
        );
        const wasSeveral = house.folders.length > 1;
        const late = new Set<string>();
        const told = await walk(
          house,
          () => ({ order, expression, limit: 1 + Math.floor(random() * 9) }),
          () => {
            for (let n = Math.floor(random() * 6); n > 0; n--) {
              const folder = pick(random, house.folders);
              if (random() < 0.6) folder.messages.splice(Math.floor(random() * folder.messages.length), 1);
              else if (late.size < 60) {
                late.add(`${folder.path}/${folder.uidNext}`);
                arrive(house, folder, random);
              }
            }
            if (random() < 0.1 && house.folders.length < 8) {
              const folder = house.add(`New ${house.folders.length}`);
              late.add(`${folder.path}/1`);
              arrive(house, folder, random);
            }
          },
        );
        expect(new Set(told).size, `seed ${seed}`).toBe(told.length);
        const stayed = present(house).filter((name) => first.has(name));
        expect(
          stayed.filter((name) => !told.includes(name)),
          `seed ${seed}`,
        ).toEqual([]);
        // What comes later stands before the first page, or behind the last one; one folder alone may end and be one of several.
        const isBound = order === "newest" && first.size > 0 && wasSeveral;
        expect(told.filter((name) => isBound && !first.has(name))).toEqual([]);
      }
    },
  );

  test("one that was rebuilt meanwhile ends the cursor", async () => {
    const { house } = filled(3);
    house.add("More");
    for (const folder of house.folders) for (let n = 0; n < 5; n++) house.put(folder, from + n, "key");
    const { next } = await page(house, { limit: 3 }, null);
    for (const folder of house.folders) folder.uidValidity += 1;
    await expect(page(house, { limit: 3 }, next)).rejects.toMatchObject({ code: "cursor-expired" });
  });

  test("one that fails is named, and the others are told", async () => {
    const house = openSearchHouse();
    for (const name of ["INBOX", "Locked", "Sent"]) house.put(house.add(name), from, "key");
    const [, locked] = house.folders;
    if (locked === undefined) throw new Error("no folder");
    locked.failure = new Failure("refused-by-server", "The mail server does not open it.");
    const { found, meta, next } = await page(house, { count: true }, null);
    expect(found.map(({ folder }) => folder.path)).toEqual(["INBOX", "Sent"]);
    const idOf = (path: string) => house.rows().find((row) => row.path === path)?.id;
    expect(meta).toEqual({
      engine: "server",
      exact: true,
      undecided: 0,
      folders: [idOf("INBOX"), idOf("Sent")],
      failed: [{ folderId: idOf("Locked"), code: "refused-by-server", detail: "The mail server does not open it." }],
    });
    expect(next).toBeNull();
    for (const folder of house.folders) folder.failure = locked.failure;
    await expect(page(house, {}, null)).rejects.toBe(locked.failure);
  });

  test.each(["unsupported-by-server", "validation-failed", "upstream-timeout"] as const)(
    "%s of one is the whole search's",
    async (code) => {
      const { house } = filled(5);
      const last = house.add("Last");
      house.put(last, from, "key");
      last.failure = new Failure(code, "No.");
      await expect(page(house, {}, null)).rejects.toBe(last.failure);
    },
  );

  test("an empty one is not asked, and counts as nothing; the inbox is: it may be open, and nobody says how old its count is", async () => {
    const house = openSearchHouse();
    for (const name of ["INBOX", "Sent", "Empty"]) house.add(name, name === "INBOX" ? "inbox" : null);
    house.put(house.folders[1] ?? house.add(""), from, "key");
    const { found, meta, next } = await page(house, { count: true }, null);
    expect(house.searched.map(({ path }) => path)).toEqual(["INBOX", "Sent"]);
    expect([found.length, meta.total, meta.folders.length, next]).toEqual([1, 1, 3, null]);
  });

  test("a session that ends ends the search", async () => {
    const { house } = filled(5);
    const last = house.add("Last");
    house.put(last, from, "key");
    last.failure = new Failure("refused-by-server", "Bye.");
    house.session.dead = true;
    await expect(page(house, {}, null)).rejects.toBe(last.failure);
  });

  test("no folder is asked again after half of the time", async () => {
    const random = seeded(7);
    const house = openSearchHouse(() => random() * 0.29);
    for (const name of ["INBOX", "Sent"])
      for (let n = 0, folder = house.add(name); n < 40; n++) house.put(folder, from + n, "key");
    const heads = house.mailbox.heads.bind(house.mailbox);
    house.session.heads = async (...asked) => {
      await house.clock.advance(6000);
      return (await heads(...(asked as never as Parameters<typeof heads>))) as never;
    };
    const { next } = await page(house, { limit: 30 }, null);
    expect(house.searched.length).toBe(2);
    expect(next).not.toBeNull();
  });
});

describe("what a search says of folders", () => {
  const house = openSearchHouse();
  for (const [path, role] of [
    ["INBOX", "inbox"],
    ["Junk", "junk"],
    ["Work", null],
  ] as const) {
    const folder = house.add(path, role);
    for (let n = 0; n < 3; n++) house.put(folder, from + n, "key", n === 0);
  }
  const inFolder = (folder: string): Expression => ({ op: "inFolder", folder });
  const paths = async (expression: Expression, folder = "all"): Promise<string[]> => {
    house.searched.splice(0);
    const { found } = await page(house, { expression, folder }, null);
    expect(new Set(house.searched.map(({ path }) => path)).size).toBe(house.searched.length);
    const told = new Set(found.map((one) => one.folder.path));
    return [...told].sort();
  };

  test("is settled before one is asked: where nothing can match nobody is", async () => {
    expect(await paths({ op: "not", of: inFolder("junk") })).toEqual(["INBOX", "Work"]);
    expect(house.searched.map(({ path }) => path)).toEqual(["INBOX", "Work"]);
    expect(await paths(inFolder("junk"))).toEqual(["Junk"]);
    expect(house.searched.map(({ path }) => path)).toEqual(["Junk"]);
    expect(await paths(inFolder("archive"))).toEqual([]);
    expect(await paths({ op: "not", of: inFolder("archive") })).toEqual(["INBOX", "Junk", "Work"]);
    expect(await paths(inFolder("junk"), "inbox")).toEqual([]);
    expect(house.searched).toEqual([]);
  });

  test("can name a folder's id, which must be one", async () => {
    const work = house.rows().find(({ path }) => path === "Work")?.id ?? "";
    expect(await paths({ op: "or", of: [inFolder(work), inFolder("inbox")] })).toEqual(["INBOX", "Work"]);
    const unknown = inFolder(`fld_${"0".repeat(26)}`);
    for (const folder of ["all", "inbox"])
      await expect(page(house, { expression: unknown, folder }, null)).rejects.toMatchObject({ code: "not-found" });
  });

  test("all that match are counted once, over all folders", async () => {
    const first = await page(house, { count: true, limit: 2, expression: { op: "seen" } }, null);
    expect(first.meta.total).toBe(3);
    expect((await page(house, { count: true, limit: 2, expression: { op: "seen" } }, first.next)).meta.total).toBe(
      undefined,
    );
  });
});
