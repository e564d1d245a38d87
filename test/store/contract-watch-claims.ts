import { beforeEach, describe, expect, test } from "vitest";
import type { Subject } from "./contract.ts";
import { accountRow } from "./rows.ts";

const t0 = 1_790_000_000_000;
const lease = 20_000;

export function watchClaimsContract(subject: () => Promise<Subject>): void {
  describe("claims of watchers", () => {
    // What other tests left due would be claimed as well.
    beforeEach(async () => {
      const { handle } = await subject();
      await handle.atomic((db) => [db.delete(handle.tables.watches)]);
    });

    async function accounts(count: number): Promise<string[]> {
      const { store } = await subject();
      const rows = Array.from({ length: count }, () => accountRow());
      await Promise.all(rows.map((row) => store.accounts.insert(row)));
      return rows.map(({ id }) => id).toSorted();
    }

    async function one(): Promise<string> {
      const [id = ""] = await accounts(1);
      return id;
    }

    test("an account that is due is handed out once, under a new epoch", async () => {
      const { watches } = (await subject()).store;
      const id = await one();
      expect(await watches.claim("a", t0, lease, 0)).toEqual([]);
      expect(await watches.claim("a", t0, lease, 10)).toEqual([{ accountId: id, epoch: 1 }]);
      expect(await watches.get(id)).toEqual({
        accountId: id,
        owner: "a",
        epoch: 1,
        leaseUntil: t0 + lease,
        dueAt: 0,
        lookedAt: null,
        mode: null,
      });
      expect(await watches.claim("b", t0, lease, 10)).toEqual([]);
      expect(await watches.claim("a", t0, lease, 10)).toEqual([]);
      expect(await watches.get("acc_none")).toBeNull();
    });

    test("many owners at once never get the same one, and leave none", async () => {
      const { watches } = (await subject()).store;
      const ids = await accounts(60);
      const claimed: string[] = [];
      for (let round = 0; round < 60 && claimed.length < ids.length; round += 1) {
        const claims = await Promise.all(["a", "b", "c", "d"].map((owner) => watches.claim(owner, t0, lease, 7)));
        for (const some of claims) expect(some.length).toBeLessThanOrEqual(7);
        expect(claims.flat().every(({ epoch }) => epoch === 1)).toBe(true);
        claimed.push(...claims.flat().map(({ accountId }) => accountId));
      }
      expect(claimed.toSorted()).toEqual(ids);
    });

    test("the longest due come first, and a lease that ran out before them", async () => {
      const { watches } = (await subject()).store;
      const [a = "", b = "", c = ""] = await accounts(3);
      await watches.claim("w", t0, lease, 3);
      await watches.release(a, 1, t0 + 2);
      await watches.release(b, 1, t0 + 1);
      expect(await watches.claim("x", t0, lease, 3)).toEqual([]);
      expect(await watches.claim("x", t0 + 1, lease, 3)).toMatchObject([{ accountId: b }]);
      await watches.release(b, 3, t0 + 1);
      expect((await watches.claim("x", t0 + lease, lease, 2)).map(({ accountId }) => accountId)).toEqual([c, b]);
    });

    test("a claim lasts until its lease has run out, and its owner may extend it", async () => {
      const { watches } = (await subject()).store;
      const id = await one();
      await watches.claim("a", t0, lease, 1);
      expect(await watches.renew("a", t0 + 5_000, lease)).toEqual([{ accountId: id, epoch: 1 }]);
      expect(await watches.renew("b", t0 + 5_000, lease)).toEqual([]);
      expect(await watches.claim("b", t0 + lease, lease, 1)).toEqual([]);
      // Late, but nobody has come in between.
      expect(await watches.renew("a", t0 + 90_000, lease)).toEqual([{ accountId: id, epoch: 1 }]);
      expect(await watches.claim("b", t0 + 90_000 + lease - 1, lease, 1)).toEqual([]);
      expect(await watches.claim("b", t0 + 90_000 + lease, lease, 1)).toEqual([{ accountId: id, epoch: 2 }]);
      expect(await watches.renew("a", t0 + 90_000 + lease, lease)).toEqual([]);
    });

    test("what an owner holds is told as it is, and how many accounts there are to be watched", async () => {
      const { watches } = (await subject()).store;
      expect(await watches.count()).toBe(0);
      const ids = await accounts(3);
      expect(await watches.count()).toBe(3);
      await watches.claim("a", t0, lease, 2);
      const held = await watches.claimsOf("a");
      expect(held.map(({ epoch }) => epoch)).toEqual([1, 1]);
      await watches.claim("b", t0, lease, 2);
      const all = [...held, ...(await watches.claimsOf("b"))];
      expect(all.map(({ accountId }) => accountId).toSorted()).toEqual(ids);
      expect(await watches.claimsOf("c")).toEqual([]);
      expect(await watches.get(held[0]?.accountId ?? "")).toMatchObject({ leaseUntil: t0 + lease });
      expect(await watches.count()).toBe(3);
      // One that waits counts; one that is not to be watched does not.
      await watches.release(held[0]?.accountId ?? "", 1, t0 + 9e9);
      expect(await watches.count()).toBe(3);
      await watches.release(held[1]?.accountId ?? "", 1, null);
      expect(await watches.count()).toBe(2);
      expect(await watches.claimsOf("a")).toEqual([]);
    });

    test("an account that is given back is due at its time, or not until it is poked", async () => {
      const { watches } = (await subject()).store;
      const id = await one();
      await watches.claim("a", t0, lease, 1);
      await watches.release(id, 2, 0);
      expect(await watches.get(id)).toMatchObject({ owner: "a", epoch: 1 });
      await watches.release(id, 1, t0 + 60_000);
      expect(await watches.get(id)).toMatchObject({ owner: null, epoch: 2, leaseUntil: 0, dueAt: t0 + 60_000 });
      expect(await watches.claim("b", t0 + 59_999, lease, 1)).toEqual([]);
      expect(await watches.claim("b", t0 + 60_000, lease, 1)).toEqual([{ accountId: id, epoch: 3 }]);
      await watches.poke(id);
      expect(await watches.get(id)).toMatchObject({ owner: "b", dueAt: t0 + 60_000 });
      await watches.release(id, 3, null);
      expect(await watches.claim("b", t0 + 9e9, lease, 1)).toEqual([]);
      await watches.poke(id);
      expect(await watches.claim("b", t0, lease, 1)).toEqual([{ accountId: id, epoch: 5 }]);
    });

    test("it is told when there is something to do next", async () => {
      const { watches } = (await subject()).store;
      expect(await watches.nextDueAt("a")).toBeNull();
      const [id = "", other = ""] = await accounts(2);
      expect(await watches.nextDueAt("a")).toBe(0);
      await watches.claim("a", t0, lease, 2);
      expect(await watches.nextDueAt("a")).toBeNull();
      expect(await watches.nextDueAt("b")).toBe(t0 + lease);
      await watches.release(id, 1, t0 + 5_000);
      expect(await watches.nextDueAt("a")).toBe(t0 + 5_000);
      expect(await watches.nextDueAt("b")).toBe(t0 + 5_000);
      await watches.release(other, 1, null);
      await watches.release(id, 1, null);
      expect(await watches.nextDueAt("b")).toBe(t0 + 5_000);
      await watches.claim("a", t0 + 5_000, lease, 2);
      await watches.release(id, 3, null);
      expect(await watches.nextDueAt("b")).toBeNull();
    });

    test("looks are noted while the epochs hold", async () => {
      const { watches } = (await subject()).store;
      const ids = await accounts(120);
      const claims = await watches.claim("a", t0, lease, 200);
      await watches.noteLooks([]);
      const late = ids[3] ?? "";
      await watches.noteLooks(
        claims.map(({ accountId, epoch }) => ({
          accountId,
          epoch: accountId === late ? epoch + 1 : epoch,
          lookedAt: t0 + 7,
          mode: "idle" as const,
        })),
      );
      expect(await watches.get(ids[0] ?? "")).toMatchObject({ lookedAt: t0 + 7, mode: "idle", epoch: 1, owner: "a" });
      expect(await watches.get(ids[119] ?? "")).toMatchObject({ lookedAt: t0 + 7, mode: "idle" });
      expect(await watches.get(late)).toMatchObject({ lookedAt: null, mode: null });
    });
  });
}
