import { describe, expect, test } from "vitest";
import type { KeptMessages, MaildropKey } from "../../src/mail/maildrop.ts";
import { createStore } from "../../src/store/create-store.ts";
import type { Handle } from "../../src/store/handle.ts";
import type { Subject } from "./contract.ts";
import { flagCount, freshMaildrop, kept, keysOf, none, set, uidl, unkeepable } from "./maildrop-rows.ts";

const hour = 3_600_000;
const day = 24 * hour;
const now = 1_790_000_000_000;

export function maildropPruningContract(subject: () => Promise<Subject>): void {
  describe("maildrops: what goes with its message", () => {
    async function filled(count: number) {
      const one = await freshMaildrop(subject);
      const keys = keysOf(count);
      await one.maildrop.headers.put(keys.map((key) => kept(key)));
      await one.maildrop.flags.change(keys, set(["k"], { seen: true }));
      return { ...one, keys };
    }
    const left = async ({ headers, flags }: KeptMessages, keys: MaildropKey[]) => ({
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

    test("where only one kind of keys is told, flags under the other kind stay", async () => {
      const { keys, maildrop } = await filled(3);
      const print = { kind: "fingerprint", value: "1" } as const;
      await maildrop.flags.change([print], set([], { seen: true }));
      await maildrop.keepOnly(keys.slice(1), now, "uidl");
      await maildrop.keepOnly(keys.slice(1), now + day + hour, "uidl");
      expect([...(await maildrop.flags.get([...keys, print])).keys()].toSorted()).toEqual([
        "fingerprint:1",
        "uidl:m1",
        "uidl:m2",
      ]);
      await maildrop.keepOnly(keys.slice(1), now + 2 * day);
      await maildrop.keepOnly(keys.slice(1), now + 3 * day);
      expect(await left(maildrop, [...keys, print])).toMatchObject({ flags: 2 });
    });

    test("where only those of one kind are told, the flags of others stay", async () => {
      const { keys, maildrop } = await filled(3);
      const print: MaildropKey = { kind: "fingerprint", value: "1" };
      await maildrop.flags.change([print], set(["k"]));
      await maildrop.keepOnly(keys.slice(1), now, "uidl");
      await maildrop.keepOnly(keys.slice(1), now + 2 * day, "uidl");
      expect(await left(maildrop, [...keys, print])).toEqual({ headers: 2, flags: 3 });
      await maildrop.keepOnly(keys.slice(2), now + 3 * day);
      await maildrop.keepOnly(keys.slice(2), now + 5 * day);
      expect(await left(maildrop, [...keys, print])).toEqual({ headers: 1, flags: 1 });
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
