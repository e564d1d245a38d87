import { describe, expect, test } from "vitest";
import { randomId } from "../../src/mail/id.ts";
import type { Subject } from "./contract.ts";
import { accountRow, intentRow } from "./rows.ts";

export function messagesContract(subject: () => Promise<Subject>): void {
  describe("placements", () => {
    test("are found by origin and by where they are now, hundreds at once", async () => {
      const { accounts, placements } = (await subject()).store;
      const account = accountRow();
      const accountId = account.id;
      await accounts.insert(account);
      const top = 4_294_967_295;
      const rows = Array.from({ length: 300 }, (_, i) => ({
        accountId,
        origin: { folder: i % 3, uidValidity: top, uid: top - i },
        now: { folder: 9, uidValidity: 1, uid: i + 1 },
      }));
      await placements.save(rows);
      const byUid = (a: { now: { uid: number } }, b: { now: { uid: number } }) => a.now.uid - b.now.uid;
      const origins = rows.map((row) => row.origin);
      expect((await placements.find(accountId, origins)).sort(byUid)).toEqual(rows);
      expect(
        (
          await placements.at(
            accountId,
            rows.map((row) => row.now),
          )
        ).sort(byUid),
      ).toEqual(rows);
      expect(
        await placements.find(
          accountId,
          rows.map((row) => row.now),
        ),
      ).toEqual([]);
      expect(await placements.find("acc_other", origins)).toEqual([]);
      expect(await placements.find(accountId, [])).toEqual([]);

      for (const row of rows.slice(200)) {
        await placements.remove({ ...row, accountId: "acc_other" });
        await placements.remove({ ...row, now: { ...row.now, uid: row.now.uid + 1 } });
        expect(await placements.find(accountId, [row.origin])).toEqual([row]);
        await placements.remove(row);
      }
      const elsewhere = { ...rows[0], origin: { ...rows[0]?.origin, folder: 8 } } as (typeof rows)[number];
      await placements.remove(...rows.slice(1, 200), elsewhere);
      await placements.remove();
      expect(await placements.find(accountId, origins)).toEqual(rows.slice(0, 1));
    });

    test("a later one replaces an earlier one, in one save too", async () => {
      const { accounts, placements } = (await subject()).store;
      const account = accountRow();
      const accountId = account.id;
      await accounts.insert(account);
      const origin = { folder: 1, uidValidity: 2, uid: 3 };
      const to = (uid: number) => ({ accountId, origin, now: { folder: 4, uidValidity: 5, uid } });
      await placements.save([to(1), to(2)]);
      expect(await placements.find(accountId, [origin])).toEqual([to(2)]);
      await placements.save([to(3)]);
      expect(await placements.find(accountId, [origin, origin])).toEqual([to(3)]);
      expect(await placements.at(accountId, [to(2).now])).toEqual([]);
      await placements.save([]);
    });
  });

  describe("splitKeys", () => {
    test("tell which of many keys are among them", async () => {
      const { accounts, splitKeys } = (await subject()).store;
      const account = accountRow();
      const accountId = account.id;
      await accounts.insert(account);
      const keys = Array.from({ length: 300 }, (_, i) => `guid:${i}é`);
      await splitKeys.add(accountId, keys.slice(0, 120));
      await splitKeys.add(accountId, keys.slice(100, 150));
      await splitKeys.add(accountId, []);
      expect(await splitKeys.among(accountId, keys)).toEqual(new Set(keys.slice(0, 150)));
      expect(await splitKeys.among(accountId, [])).toEqual(new Set());
      expect(await splitKeys.among("acc_other", keys)).toEqual(new Set());
      expect(await splitKeys.all(accountId)).toEqual(new Set(keys.slice(0, 150)));
      expect(await splitKeys.all("acc_other")).toEqual(new Set());
    });
  });

  describe("intents", () => {
    test("live until they expire or are removed", async () => {
      const { accounts, intents } = (await subject()).store;
      const account = accountRow();
      const accountId = account.id;
      await accounts.insert(account);
      const intent = intentRow(accountId, { expiresAt: 100 });
      const open = intentRow(accountId, { uidNext: null, source: null, expiresAt: 200 });
      await intents.insert(intent);
      await intents.insert(open);
      expect(await intents.live(accountId, 99)).toHaveLength(2);
      expect(await intents.live(accountId, 100)).toEqual([open]);
      expect(await intents.live("acc_other", 0)).toEqual([]);
      expect(await intents.sweep(100)).toBeGreaterThanOrEqual(1);
      expect(await intents.live(accountId, 0)).toEqual([open]);
      await intents.remove([open.id, "int_none"]);
      await intents.remove([]);
      expect(await intents.live(accountId, 0)).toEqual([]);
    });

    test("only a place that is not over is live; all are listed until they expire", async () => {
      const { accounts, intents, placements } = (await subject()).store;
      const account = accountRow();
      const accountId = account.id;
      await accounts.insert(account);
      const place = intentRow(accountId);
      const change = { flags: { seen: true }, keywords: { add: ["ü"], remove: [] } };
      const flags = intentRow(accountId, { kind: "flags", uidNext: null, change, settled: true });
      const remove = intentRow(accountId, { kind: "remove", uidNext: null, settled: true });
      for (const intent of [place, flags, remove]) await intents.insert(intent);
      const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
      expect(await intents.live(accountId, 99)).toEqual([place]);
      expect((await intents.list(accountId, 99)).toSorted(byId)).toEqual([place, flags, remove].toSorted(byId));
      expect(await intents.list(accountId, 100)).toEqual([]);

      const origin = { folder: 1, uidValidity: 4_294_967_295, uid: 7 };
      const now = { folder: 3, uidValidity: 9, uid: 4_294_967_295 };
      const placed = { folder: 3, uidValidity: 9, uids: [4_294_967_295] };
      await intents.settle(place.id, { placed, expiresAt: 900, placements: [{ accountId, origin, now }] });
      expect(await intents.live(accountId, 99)).toEqual([]);
      expect(await intents.list(accountId, 899)).toEqual([{ ...place, placed, settled: true, expiresAt: 900 }]);
      expect(await placements.find(accountId, [origin])).toEqual([{ accountId, origin, now }]);
      const source = { folder: 1, uidValidity: 9, uids: [5, 6] };
      await intents.settle(place.id, { source, placed: null, expiresAt: 901, placements: [] });
      expect(await intents.list(accountId, 900)).toMatchObject([{ source, placed: null, expiresAt: 901 }]);
    });

    test("is swept once a look at the whole account has told it, where it is a place that is over", async () => {
      const { accounts, intents, watches } = (await subject()).store;
      const [account, unseen] = [accountRow(), accountRow()];
      const accountId = account.id;
      for (const one of [account, unseen]) await accounts.insert(one);
      const over = { settled: true, expiresAt: 90_000_000 };
      const told = intentRow(accountId, { ...over, createdAt: 1_000 });
      const fresh = intentRow(accountId, { ...over, createdAt: 1_001 });
      const open = intentRow(accountId, { ...over, createdAt: 1_000, settled: false });
      const flags = intentRow(accountId, { ...over, createdAt: 1_000, kind: "flags" });
      const other = intentRow(unseen.id, { ...over, createdAt: 1_000 });
      for (const intent of [told, fresh, open, flags, other]) await intents.insert(intent);
      await watches.noteLooks([{ accountId, epoch: 0, lookedAt: 1_801_001, mode: "poll" }]);
      await intents.sweep(101);
      const left = (await intents.list(accountId, 101)).map(({ id }) => id);
      expect(left.toSorted()).toEqual([fresh.id, open.id, flags.id].toSorted());
      expect(await intents.list(unseen.id, 101)).toEqual([other]);
    });

    test("is settled with its placements or not at all, and these are written where the intent has gone", async () => {
      const { accounts, intents, placements } = (await subject()).store;
      const account = accountRow();
      const accountId = account.id;
      await accounts.insert(account);
      const place = intentRow(accountId);
      await intents.insert(place);
      const origin = { folder: 1, uidValidity: 1, uid: 1 };
      const moved = { accountId, origin, now: { ...origin, folder: 2 } };
      const over = { placed: { folder: 2, uidValidity: 1, uids: [1] }, expiresAt: 900 };
      const stranger = { ...moved, accountId: randomId("acc") };
      await expect(intents.settle(place.id, { ...over, placements: [moved, stranger] })).rejects.toMatchObject({
        code: "not-found",
      });
      expect(await intents.list(accountId, 0)).toEqual([place]);
      expect(await placements.find(accountId, [origin])).toEqual([]);
      await intents.settle("int_none", { ...over, placements: [moved] });
      expect(await placements.find(accountId, [origin])).toEqual([moved]);
    });
  });
}
