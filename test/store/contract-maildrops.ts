import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { FlagChange } from "../../src/mail/flags.ts";
import type { KeptMaildrop, MaildropKey } from "../../src/mail/maildrop.ts";
import { maildropKeyText, maxKeptFlags, maxKeptHeaderOctets, maxKeptHeaders } from "../../src/mail/maildrop.ts";
import { createStore } from "../../src/store/create-store.ts";
import type { Handle } from "../../src/store/handle.ts";
import type { Subject } from "./contract.ts";
import { bytesOf } from "./helpers.ts";
import { accountRow } from "./rows.ts";

const uidl = (value: string | number): MaildropKey => ({ kind: "uidl", value: String(value) });
const keysOf = (count: number, from = 0) => Array.from({ length: count }, (_, i) => uidl(`m${from + i}`));
const kept = (key: MaildropKey, header: Uint8Array = bytesOf(3)) => ({ key, header, size: 4_294_967_296 });
const set = (keywords: string[], flags: FlagChange["flags"] = {}): FlagChange => ({
  flags,
  keywords: { add: keywords, remove: [] },
});
const clear = (keywords: string[], flags: FlagChange["flags"] = {}): FlagChange => ({
  flags,
  keywords: { add: [], remove: keywords },
});
const none = { seen: false, flagged: false, answered: false, draft: false };
const hour = 3_600_000;
const day = 24 * hour;
const now = 1_790_000_000_000;

/** What servers give as unique-ids, and shouldn't. */
const oddKeys = [
  uidl("!"),
  uidl("~".repeat(70)),
  uidl("x".repeat(255)),
  uidl("a b"),
  uidl("%_'\"\\;--"),
  uidl("é"),
  uidl("É"),
  uidl("1"),
  uidl("01"),
  { kind: "fingerprint", value: "1" },
] satisfies MaildropKey[];
const unkeepable = [uidl(""), uidl("x".repeat(256)), uidl("a\u0000"), uidl("a\tb"), uidl("\ud800")];

export function maildropsContract(subject: () => Promise<Subject>): void {
  async function fresh() {
    const { handle, store } = await subject();
    const account = accountRow();
    await store.accounts.insert(account);
    return { handle, store, account, maildrop: store.maildrops.of(account.id) };
  }

  describe("maildrops: headers", () => {
    test("come back octet for octet, to their own account only", async () => {
      const { store, maildrop } = await fresh();
      const headers = oddKeys.map((key, i) => kept(key, bytesOf(i * 500, i + 1)));
      await maildrop.headers.put(headers);
      const expected = new Map(headers.map((header) => [maildropKeyText(header.key), header]));
      expect(await headersOf(maildrop, [...oddKeys, uidl("none"), ...unkeepable])).toEqual(expected);
      expect(await store.maildrops.of("acc_other").headers.get(oddKeys)).toEqual(new Map());
      expect(await maildrop.headers.get([])).toEqual(new Map());
      await maildrop.headers.put([]);
    });

    test("two hundred at once; one that is put again replaces the one that stands", async () => {
      const { maildrop } = await fresh();
      const keys = keysOf(200);
      await maildrop.headers.put([...keys.map((key) => kept(key)), kept(uidl("m7"), bytesOf(3, 5))]);
      await maildrop.headers.put([kept(uidl("m8"), bytesOf(3, 6))]);
      const found = await headersOf(maildrop, [...keys, ...keysOf(50, 1000)]);
      expect(found.size).toBe(200);
      expect(found.get("uidl:m7")?.header).toEqual(bytesOf(3, 5));
      expect(found.get("uidl:m8")?.header).toEqual(bytesOf(3, 6));
      expect(found.get("uidl:m199")).toEqual(kept(uidl("m199")));
    });

    test("too long a one, and one whose key can't be kept, is left out, and the others are kept", async () => {
      const { handle, account, maildrop } = await fresh();
      const [longest, tooLong] = [bytesOf(maxKeptHeaderOctets), bytesOf(maxKeptHeaderOctets + 1)];
      await maildrop.headers.put([
        kept(uidl("longest"), longest),
        kept(uidl("tooLong"), tooLong),
        ...unkeepable.map((key) => kept(key)),
        kept(uidl("last")),
      ]);
      const found = await headersOf(maildrop, [uidl("longest"), uidl("tooLong"), uidl("last"), ...unkeepable]);
      expect([...found.keys()].toSorted()).toEqual(["uidl:last", "uidl:longest"]);
      expect(found.get("uidl:longest")?.header).toEqual(longest);
      expect(await headerCount(handle, account.id)).toBe(2);
    });

    test("are kept of so many messages and no more, of the newest once the maildrop is told", async () => {
      const { handle, account, maildrop } = await fresh();
      const keys = keysOf(maxKeptHeaders + 20);
      await maildrop.headers.put(keys.slice(0, -10).map((key) => kept(key)));
      expect(await headerCount(handle, account.id)).toBe(maxKeptHeaders);
      await maildrop.headers.put(keys.slice(-10).map((key) => kept(key)));
      expect(await headerCount(handle, account.id)).toBe(maxKeptHeaders);

      await maildrop.keepOnly(keys, now);
      expect(await headerCount(handle, account.id)).toBe(maxKeptHeaders - 20);
      await maildrop.headers.put(keys.slice(-30).map((key) => kept(key)));
      expect((await maildrop.headers.get(keys.slice(0, 25))).size).toBe(5);
      expect((await maildrop.headers.get(keys.slice(-500))).size).toBe(500);

      // There is no room for a newer one, until the next telling.
      const newer = keysOf(1, keys.length);
      await maildrop.headers.put(newer.map((key) => kept(key)));
      expect(await maildrop.headers.get(newer)).toEqual(new Map());
      await maildrop.keepOnly([...keys, ...newer], now);
      await maildrop.headers.put(newer.map((key) => kept(key)));
      await maildrop.headers.put([kept(uidl("x")), kept(uidl("m500"), bytesOf(9))]);
      expect((await maildrop.headers.get([...newer, uidl("x"), uidl("m500")])).size).toBe(2);
      expect((await headersOf(maildrop, [uidl("m500")])).get("uidl:m500")?.header).toEqual(bytesOf(9));
      expect(await headerCount(handle, account.id)).toBe(maxKeptHeaders);
    }, 60_000);
  });

  describe("maildrops: flags", () => {
    test("are set and cleared of many messages, and leave no row behind", async () => {
      const { handle, store, account, maildrop } = await fresh();
      const { flags } = maildrop;
      const keys = [...keysOf(180), ...oddKeys];
      await flags.change(keys, set(["$Work", "later"], { seen: true, draft: true, flagged: false }));
      const all = await flags.get([...keys, uidl("none"), ...unkeepable]);
      expect(all.size).toBe(keys.length);
      for (const key of keys)
        expect(all.get(maildropKeyText(key))).toEqual({
          flags: { ...none, seen: true, draft: true },
          keywords: ["$Work", "later"],
        });
      expect(await store.maildrops.of("acc_other").flags.get(keys)).toEqual(new Map());

      await flags.change(keys.slice(1), clear(["$Work", "none"], { seen: false, answered: true }));
      expect(await flags.get(keys.slice(0, 2))).toEqual(
        new Map([
          ["uidl:m0", { flags: { ...none, seen: true, draft: true }, keywords: ["$Work", "later"] }],
          ["uidl:m1", { flags: { ...none, answered: true, draft: true }, keywords: ["later"] }],
        ]),
      );
      await flags.change(keys, clear(["$Work", "later"], { seen: false, answered: false, draft: false }));
      expect(await flags.get(keys)).toEqual(new Map());
      expect(await flagCount(handle, account.id)).toBe(0);
      await flags.change([], set(["x"]));
      await flags.change(keys, set([]));
      expect(await flagCount(handle, account.id)).toBe(0);
    });

    test("keywords are the same in any case, and stay as they were first written", async () => {
      const { flags } = (await fresh()).maildrop;
      const key = uidl("1");
      await flags.change([key], set(["Work", "WORK", "b", "a"]));
      await flags.change([key], set(["work"]));
      expect((await flags.get([key])).get("uidl:1")?.keywords).toEqual(["a", "b", "Work"]);
      await flags.change([key], { flags: {}, keywords: { add: ["c"], remove: ["wOrk", "A", "C"] } });
      expect((await flags.get([key])).get("uidl:1")).toEqual({ flags: none, keywords: ["b", "c"] });
    });

    test("of changes that come at the same time none is lost", async () => {
      const { maildrop, store, account } = await fresh();
      const keys = keysOf(30);
      await maildrop.flags.change(keys, set(["old"], { seen: true }));
      const changes = Array.from({ length: 20 }, (_, i) =>
        store.maildrops
          .of(account.id)
          .flags.change(i % 2 === 0 ? keys : keys.toReversed(), i === 9 ? clear(["old"]) : set([`k${i + 10}`])),
      );
      await Promise.all(changes);
      const words = changes.map((_, i) => `k${i + 10}`).filter((word) => word !== "k19");
      for (const of of (await maildrop.flags.get(keys)).values())
        expect(of).toEqual({ flags: { ...none, seen: true }, keywords: words });
    });

    test("a message has so many and no more, also by changes that come at the same time", async () => {
      const { maildrop } = await fresh();
      const { flags } = maildrop;
      const words = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `k${from + i}`);
      const refused = { code: "unsupported-by-server" };
      await flags.change([uidl("full"), uidl("other")], set(words(maxKeptFlags - 10)));
      const race = await Promise.allSettled(
        Array.from({ length: 6 }, (_, i) => flags.change([uidl("full")], set(words(4, 1000 + i * 4)))),
      );
      const failed = race.flatMap((result): unknown[] => (result.status === "rejected" ? [result.reason] : []));
      expect(failed).toEqual(Array.from({ length: 4 }, () => expect.objectContaining(refused)));
      await flags.change([uidl("full")], set(["k0"], { seen: true, flagged: true }));
      await expect(flags.change([uidl("other"), uidl("full")], set([], { draft: true }))).rejects.toMatchObject(
        refused,
      );
      const standing = await flags.get([uidl("full"), uidl("other")]);
      expect(standing.get("uidl:full")?.keywords).toHaveLength(maxKeptFlags - 2);
      expect(standing.get("uidl:other")?.flags).toEqual(none);
      await flags.change([uidl("full")], { flags: { draft: true }, keywords: { add: [], remove: ["k5"] } });
    });

    test("a key that can't be kept is refused by name, and nothing is written", async () => {
      const { handle, account, maildrop } = await fresh();
      for (const key of unkeepable) {
        const attempt = maildrop.flags.change([uidl("fine"), key], set([], { seen: true }));
        await expect(attempt).rejects.toMatchObject({ code: "unsupported-by-server" });
      }
      expect(await flagCount(handle, account.id)).toBe(0);
    });
  });

  describe("maildrops: what goes with its message", () => {
    async function filled(count: number) {
      const one = await fresh();
      const keys = keysOf(count);
      await one.maildrop.headers.put(keys.map((key) => kept(key)));
      await one.maildrop.flags.change(keys, set(["k"], { seen: true }));
      return { ...one, keys };
    }
    const left = async ({ headers, flags }: KeptMaildrop, keys: MaildropKey[]) => ({
      headers: (await headers.get(keys)).size,
      flags: (await flags.get(keys)).size,
    });

    test("what was deleted is forgotten at once, and nobody else's", async () => {
      const { store, keys, maildrop } = await filled(250);
      const neighbour = await filled(3);
      await maildrop.forget([...keys.slice(0, 201), uidl("none"), ...unkeepable]);
      expect(await left(maildrop, keys.slice(0, 201))).toEqual({ headers: 0, flags: 0 });
      expect(await left(maildrop, keys)).toEqual({ headers: 49, flags: 49 });
      expect(await left(neighbour.maildrop, keys)).toEqual({ headers: 3, flags: 3 });
      await maildrop.forget([]);
      await store.maildrops.of("acc_other").forget(keys);
      expect(await left(maildrop, keys)).toEqual({ headers: 49, flags: 49 });
    });

    test("what is missing loses its header at once and its flags after a day", async () => {
      const { handle, account, keys, maildrop } = await filled(250);
      const neighbour = await filled(3);
      const there = keys.slice(200);
      await maildrop.keepOnly(there, now);
      expect(await left(maildrop, keys)).toEqual({ headers: 50, flags: 250 });
      await maildrop.keepOnly(there, now + day - 1);
      expect(await left(maildrop, keys)).toEqual({ headers: 50, flags: 250 });
      await maildrop.keepOnly(there, now + day + hour);
      expect(await left(maildrop, keys)).toEqual({ headers: 50, flags: 50 });
      expect(await left(maildrop, there)).toEqual({ headers: 50, flags: 50 });
      expect(await flagCount(handle, account.id)).toBe(100);
      expect(await left(neighbour.maildrop, keys)).toEqual({ headers: 3, flags: 3 });
    });

    test("the day begins when the message is first missing, however long it has been there", async () => {
      const { keys, maildrop } = await filled(3);
      await maildrop.keepOnly(keys, now);
      await maildrop.keepOnly(keys, now + 5 * day);
      await maildrop.keepOnly([], now + 10 * day);
      expect(await left(maildrop, keys)).toEqual({ headers: 0, flags: 3 });
    });

    test("a maildrop that looked empty for a while finds its flags again, and their day begins anew", async () => {
      const { keys, maildrop } = await filled(5);
      await maildrop.keepOnly([], now);
      await maildrop.keepOnly(keys, now + 1);
      await maildrop.keepOnly([], now + day);
      await maildrop.keepOnly([], now + 2 * day - 1);
      expect(await left(maildrop, keys)).toEqual({ headers: 0, flags: 5 });
      // What is set while its message is missing has a day of its own.
      await maildrop.flags.change(keys.slice(0, 1), set(["late"]));
      await maildrop.keepOnly([], now + 2 * day + hour);
      expect(await maildrop.flags.get(keys)).toEqual(new Map([["uidl:m0", { flags: none, keywords: ["late"] }]]));
      await maildrop.keepOnly([], now + 3 * day + hour - 1);
      expect(await left(maildrop, keys)).toEqual({ headers: 0, flags: 1 });
      await maildrop.keepOnly([], now + 3 * day + 2 * hour);
      expect(await maildrop.flags.get(keys)).toEqual(new Map());
    });

    test("where nothing has gone, nothing is read; where something has, it is found, whoever put it there", async () => {
      const { handle, account, keys, maildrop: other } = await filled(20);
      let queries = 0;
      const counting: Handle = {
        ...handle,
        read: (build) => ((queries += 1), handle.read(build)),
        atomic: (build) => ((queries += 1), handle.atomic(build)),
      };
      const maildrop = createStore(counting).maildrops.of(account.id);
      const asks = async (live: MaildropKey[], at: number): Promise<boolean> => {
        queries = 0;
        await maildrop.keepOnly(live, at);
        return queries > 0;
      };
      const more = [...keys, ...keysOf(2, 100)];
      expect(await asks(keys, now)).toBe(true);
      expect(await asks(keys, now)).toBe(false);
      expect(await asks(more, now + hour - 1)).toBe(false);
      expect(await asks(more, now + hour)).toBe(true);
      await other.headers.put([...more.slice(-2), uidl("never there")].map((key) => kept(key)));
      expect(await asks(more, now + 2 * hour - 1)).toBe(false);
      expect(await asks(more, now + 2 * hour)).toBe(true);
      expect(await left(other, [...more, uidl("never there")])).toMatchObject({ headers: 22 });

      const later = now + 2 * hour;
      expect(await asks(more.slice(0, -1), later)).toBe(true);
      expect(await left(other, more)).toMatchObject({ headers: 21 });
      const others = [...keys.slice(1), ...keysOf(4, 200)];
      expect(await asks(others, later)).toBe(true);
      expect(await left(other, keys)).toEqual({ headers: 19, flags: 20 });
      // As long as one is missing, a new one may be that one.
      expect(await asks(others, later)).toBe(false);
      expect(await asks([...others, ...keys.slice(0, 1)], later)).toBe(true);
      // One that came and went while nothing was read.
      expect(await asks([...others, ...keys.slice(0, 1), uidl("new")], later)).toBe(false);
      expect(await asks([...others, ...keys.slice(0, 1)], later)).toBe(true);
    });

    test("a hundred thousand messages are gone through in pages", async () => {
      const { keys, maildrop, store, account } = await filled(2_500);
      const many = [...keysOf(100_000 - 2_400, 10_000), ...keys.slice(100)];
      await store.maildrops.of(account.id).keepOnly(many, now);
      expect(await left(maildrop, keys)).toEqual({ headers: 2_400, flags: 2_500 });
      await store.maildrops.of(account.id).keepOnly(many, now + day);
      expect(await left(maildrop, keys)).toEqual({ headers: 2_400, flags: 2_400 });
      await store.maildrops.of(account.id).keepOnly([], now + day);
      await store.maildrops.of(account.id).keepOnly([], now + 2 * day);
      expect(await left(maildrop, keys)).toEqual({ headers: 0, flags: 0 });
    }, 60_000);
  });
}

const headerCount = (handle: Handle, accountId: string) => countOf(handle, "maildropHeaders", accountId);
const flagCount = (handle: Handle, accountId: string) => countOf(handle, "maildropFlags", accountId);

async function countOf(handle: Handle, name: "maildropHeaders" | "maildropFlags", accountId: string): Promise<number> {
  const rows = handle.tables[name];
  const found = await handle.read((db) => db.select({ key: rows.key }).from(rows).where(eq(rows.accountId, accountId)));
  return found.length;
}

/** Without the difference between a Buffer and other octets. */
async function headersOf({ headers }: KeptMaildrop, keys: MaildropKey[]) {
  const found = await headers.get(keys);
  return new Map([...found].map(([text, one]) => [text, { ...one, header: Uint8Array.from(one.header) }]));
}
