import { describe, expect, test } from "vitest";
import type { KeptMessages, MaildropKey } from "../../src/mail/maildrop.ts";
import { maildropKeyText, maxKeptFlags, maxKeptHeaderOctets, maxKeptHeaders } from "../../src/mail/maildrop.ts";
import type { Subject } from "./contract.ts";
import { bytesOf } from "./helpers.ts";
import {
  clear,
  flagCount,
  freshMaildrop,
  headerCount,
  kept,
  keysOf,
  none,
  set,
  uidl,
  unkeepable,
} from "./maildrop-rows.ts";

const now = 1_790_000_000_000;

/** What servers give as unique-ids, and shouldn't. */
const oddKeys = [
  uidl("!"),
  uidl("~".repeat(70)),
  uidl("x".repeat(264)),
  uidl("a b"),
  uidl("%_'\"\\;--"),
  uidl("é"),
  uidl("É"),
  uidl("1"),
  uidl("01"),
  { kind: "fingerprint", value: "1" },
] satisfies MaildropKey[];

export function maildropsContract(subject: () => Promise<Subject>): void {
  const fresh = () => freshMaildrop(subject);

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
      expect(await maildrop.headers.keys()).toEqual(new Set(found.keys()));
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
      expect(await maildrop.headers.keys()).toEqual(new Set(keys.slice(20, -20).map(maildropKeyText)));
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

    test("tell on which messages one is set", async () => {
      const { maildrop, store } = await fresh();
      const { flags } = maildrop;
      const keys = keysOf(2_500);
      await flags.change(keys, set([], { seen: true }));
      await flags.change([uidl("a"), { kind: "fingerprint", value: "a" }], set(["seen"], { flagged: true }));
      expect(await flags.having("seen")).toEqual(new Set(keys.map(maildropKeyText)));
      expect(await flags.having("flagged")).toEqual(new Set(["uidl:a", "fingerprint:a"]));
      expect(await flags.having("draft")).toEqual(new Set());
      expect(await store.maildrops.of("acc_other").flags.having("seen")).toEqual(new Set());
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

    test("all that have one are told, over many pages", async () => {
      const { store, maildrop } = await fresh();
      const keys = keysOf(2_100);
      await maildrop.flags.change(keys, set(["seen"], { seen: true }));
      await maildrop.flags.change(keys.slice(0, 5), clear([], { seen: false, flagged: true }));
      expect(await maildrop.flags.having("seen")).toEqual(new Set(keys.slice(5).map(maildropKeyText)));
      expect(await maildrop.flags.having("flagged")).toEqual(new Set(keys.slice(0, 5).map(maildropKeyText)));
      expect(await maildrop.flags.having("draft")).toEqual(new Set());
      expect(await store.maildrops.of("acc_other").flags.having("seen")).toEqual(new Set());
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
}

/** Without the difference between a Buffer and other octets. */
async function headersOf({ headers }: KeptMessages, keys: MaildropKey[]) {
  const found = await headers.get(keys);
  return new Map([...found].map(([text, one]) => [text, { ...one, header: Uint8Array.from(one.header) }]));
}
