import { describe, expect, test } from "vitest";
import { orderedId, randomId } from "../../src/mail/id.ts";
import type { Subject } from "./contract.ts";
import { newEvent, webhookRow } from "./rows.ts";
import { t0, webhookHouse } from "./webhook-house.ts";

export function webhooksContract(subject: () => Promise<Subject>): void {
  describe("webhooks", () => {
    test("come back as they were put in, to their own app only", async () => {
      const { store } = await subject();
      const house = await webhookHouse(store);
      const rows = [
        await house.webhook(),
        await house.webhook({
          types: ["message.created", "webhook.disabled"],
          accountIds: [house.accountId, "acc_2"],
          folderRoles: ["inbox", "allMail"],
          maxPerSecond: 1_000,
          sealedPreviousSecret: "sealed:old",
          previousSecretUntil: t0 + 86_400_000,
          headerNames: ["X-Ü", "x-b"],
          sealedHeaders: "sealed:headers",
          disabledBecause: "failing",
          disabledAt: t0 + 2,
          failingSince: t0 + 1,
          holdUntil: t0 + 3,
        }),
        await house.webhook({ types: [], accountIds: [], folderRoles: [] }),
      ];
      for (const row of rows) {
        expect(await store.webhooks.get(house.app.id, row.id)).toEqual(row);
        expect(await store.webhooks.byId(row.id)).toEqual(row);
        expect(await store.webhooks.get("app_other", row.id)).toBeNull();
      }
      expect(await store.webhooks.byId("whk_none")).toBeNull();
    });

    test("are listed page by page, and within bounds only those that reach no further", async () => {
      const { store } = await subject();
      const { app, webhook } = await webhookHouse(store);
      const bound = (accountIds: string[] | null, at: number) => webhook({ id: orderedId("whk", at), accountIds });
      const all = await bound(null, 1);
      const a = await bound(["acc_a"], 2);
      const both = await bound(["acc_b", "acc_a"], 3);
      const beyond = await bound(["acc_a", "acc_ab"], 4);
      const none = await bound([], 5);
      const b = await bound(["acc_b"], 6);
      const list = async (after: string | null, limit: number, within: string[] | null) =>
        (await store.webhooks.list(app.id, { after, limit, within })).map(({ id }) => id);
      expect(await list(null, 9, null)).toEqual([all, a, both, beyond, none, b].map(({ id }) => id));
      expect(await list(a.id, 2, null)).toEqual([both.id, beyond.id]);
      expect(await list(null, 9, ["acc_a", "acc_b"])).toEqual([a.id, both.id, b.id]);
      expect(await list(null, 2, ["acc_a", "acc_b"])).toEqual([a.id, both.id]);
      expect(await list(both.id, 2, ["acc_a", "acc_b"])).toEqual([b.id]);
      expect(await list(null, 9, ["acc_a"])).toEqual([a.id]);
      expect(await list(null, 9, [])).toEqual([]);
      expect(await store.webhooks.list("app_other", { after: null, limit: 9, within: null })).toEqual([]);
    });

    test("the few that a key may see are found behind hundreds that it may not", async () => {
      const { store } = await subject();
      const { app, webhook } = await webhookHouse(store);
      const others = Array.from({ length: 210 }, (_, at) =>
        webhook({ id: orderedId("whk", at), accountIds: ["acc_z"] }),
      );
      await Promise.all(others);
      const own = await webhook({ id: orderedId("whk", 900), accountIds: ["acc_a"] });
      expect(await store.webhooks.list(app.id, { after: null, limit: 5, within: ["acc_a"] })).toEqual([own]);
    });

    test("are changed where they are as they were read, once", async () => {
      const { store } = await subject();
      const { webhook } = await webhookHouse(store);
      const row = await webhook();
      const next = {
        ...row,
        url: "https://other.example/",
        types: ["folder.reset" as const],
        headerNames: ["x-a"],
        sealedHeaders: "sealed:2",
        disabledBecause: "caller" as const,
        disabledAt: t0 + 5,
        createdAt: 7,
        updatedAt: t0 + 5,
      };
      const tried = await Promise.all([1, 2].map((n) => store.webhooks.update({ ...next, maxConcurrency: n }, 1)));
      expect(tried.filter(Boolean)).toHaveLength(1);
      const written = { ...next, maxConcurrency: tried[0] ? 1 : 2, createdAt: row.createdAt, version: 2 };
      expect(await store.webhooks.byId(row.id)).toEqual(written);
      expect(await store.webhooks.update({ ...next, appId: "app_other" }, 2)).toBe(false);
      expect(await store.webhooks.update(next, 3)).toBe(false);
      expect(await store.webhooks.byId(row.id)).toEqual(written);
    });

    test("a change forgets what was found out where it says so, and brings nothing old back", async () => {
      const { store } = await subject();
      const { webhook } = await webhookHouse(store);
      const row = await webhook({ failingSince: t0, holdUntil: t0 + 9 });
      await store.webhooks.note(row, { failingSince: null, holdUntil: t0 + 20 });
      expect(await store.webhooks.update({ ...row, description: "x" }, 1)).toBe(true);
      expect(await store.webhooks.byId(row.id)).toMatchObject({ failingSince: null, holdUntil: t0 + 20 });
      await store.webhooks.note({ ...row, version: 2 }, { failingSince: t0 + 1 });
      expect(await store.webhooks.update({ ...row, failingSince: null, holdUntil: 0 }, 2)).toBe(true);
      expect(await store.webhooks.byId(row.id)).toMatchObject({ failingSince: null, holdUntil: 0, version: 3 });
    });

    test("the first failure's time is noted until something is delivered, and a hold only grows", async () => {
      const { store } = await subject();
      const { webhook } = await webhookHouse(store);
      const { id, version } = await webhook();
      const other = await webhook();
      const noted = async (found: Parameters<typeof store.webhooks.note>[1]) => {
        await store.webhooks.note({ id, version }, found);
        const row = await store.webhooks.byId(id);
        return [row?.failingSince, row?.holdUntil, row?.version];
      };
      expect(await noted({})).toEqual([null, 0, 1]);
      expect(await noted({ failingSince: null })).toEqual([null, 0, 1]);
      expect(await noted({ failingSince: t0 })).toEqual([t0, 0, 1]);
      expect(await noted({ failingSince: t0 + 5, holdUntil: t0 + 9 })).toEqual([t0, t0 + 9, 1]);
      expect(await noted({ holdUntil: t0 + 8 })).toEqual([t0, t0 + 9, 1]);
      expect(await noted({ holdUntil: t0 + 10 })).toEqual([t0, t0 + 10, 1]);
      expect(await noted({ failingSince: null })).toEqual([null, t0 + 10, 1]);
      expect(await noted({ failingSince: t0 + 6 })).toEqual([t0 + 6, t0 + 10, 1]);
      await store.webhooks.note({ id, version: 2 }, { failingSince: null, holdUntil: t0 + 99 });
      expect(await noted({})).toEqual([t0 + 6, t0 + 10, 1]);
      expect(await store.webhooks.byId(other.id)).toEqual(other);
    });

    test("is disabled once, with its event, which the others are told and it is not", async () => {
      const { store } = await subject();
      const { app, webhook, queued } = await webhookHouse(store);
      const row = await webhook();
      const other = await webhook();
      const bound = await webhook({ accountIds: ["acc_a"] });
      const told = () => newEvent("", { appId: app.id, type: "webhook.disabled", data: { webhookId: row.id } });
      expect(await store.webhooks.disable({ id: row.id, version: 2 }, "gone", t0 + 5, told())).toBe(false);
      const tried = await Promise.all(
        ["gone" as const, "failing" as const].map((why) => store.webhooks.disable(row, why, t0 + 5, told())),
      );
      expect(tried.filter(Boolean)).toHaveLength(1);
      const disabledBecause = tried[0] ? "gone" : "failing";
      const change = { disabledBecause, disabledAt: t0 + 5, updatedAt: t0 + 5, version: 2 };
      expect(await store.webhooks.byId(row.id)).toEqual({ ...row, ...change });
      expect(await store.webhooks.disable({ id: row.id, version: 2 }, "gone", t0 + 6, told())).toBe(false);
      const events = await store.events.list(app.id, { after: 0, limit: 9, types: null, accountIds: null });
      expect(events).toMatchObject([{ type: "webhook.disabled", accountId: "", sequence: 1 }]);
      expect(await queued(row)).toEqual([]);
      expect(await queued(bound)).toEqual([]);
      expect(await queued(other)).toEqual([events[0]?.id]);
      // Whoever read it before must look at it again.
      expect(await store.webhooks.update({ ...row, description: "x" }, 1)).toBe(false);
    });

    test("is removed with its deliveries, hundreds of them, and no other's", async () => {
      const { store } = await subject();
      const { app, webhook, tell, queued } = await webhookHouse(store);
      const row = await webhook();
      const other = await webhook();
      for (let round = 0; round < 6; round += 1) await tell(Array.from({ length: 100 }, () => ({})));
      expect(await store.webhooks.remove("app_other", row.id)).toBe(false);
      expect(await queued(row)).toHaveLength(600);
      expect(await store.webhooks.remove(app.id, row.id)).toBe(true);
      expect(await store.webhooks.remove(app.id, row.id)).toBe(false);
      expect(await store.webhooks.byId(row.id)).toBeNull();
      expect(await queued(row)).toEqual([]);
      expect(await queued(other)).toHaveLength(600);
      await tell([{}]);
      expect(await queued(row)).toEqual([]);
    });

    test("their data keys are wrapped anew, unless another one has come in its place", async () => {
      const { store } = await subject();
      const rows = Array.from({ length: 3 }, () => webhookRow(randomId("app"), { sealedKey: "v1" }));
      for (const row of rows) await store.webhooks.insert(row);
      const ids = rows.map(({ id }) => id).toSorted();
      const seen: string[] = [];
      for (let after: string | null = null; ;) {
        const page: { id: string; appId: string; sealedKey: string }[] = await store.webhooks.sealedKeys({
          after,
          limit: 50,
        });
        seen.push(...page.map(({ id }) => id));
        after = page.at(-1)?.id ?? null;
        if (after === null) break;
      }
      expect(seen).toEqual(seen.toSorted());
      expect(seen.filter((id) => ids.includes(id))).toEqual(ids);
      const [first = webhookRow("app_1")] = rows;
      await store.webhooks.rewrap(first.id, "other", "v2");
      expect(await store.webhooks.byId(first.id)).toEqual(first);
      await store.webhooks.rewrap(first.id, "v1", "v2");
      expect(await store.webhooks.byId(first.id)).toEqual({ ...first, sealedKey: "v2" });
      // By one who has read the row before.
      expect(await store.webhooks.update({ ...first, description: "x" }, 1)).toBe(true);
      expect(await store.webhooks.byId(first.id)).toMatchObject({ description: "x", sealedKey: "v2" });
    });
  });
}
