import { describe, expect, test } from "vitest";
import { orderedId } from "../../src/mail/id.ts";
import type { WebhookRow } from "../../src/store/webhook-rows.ts";
import type { Subject } from "./contract.ts";
import { accountRow, newEvent, testDeliveryRow, webhookRow } from "./rows.ts";
import { attempt, outcome, t0, webhookHouse } from "./webhook-house.ts";

const lease = 20_000;
const whole = { before: null, limit: 1_000, states: null };

export function deliveriesContract(subject: () => Promise<Subject>): void {
  const claimAll = async ({ id }: WebhookRow) =>
    (await subject()).store.deliveries.claim(id, { owner: "o", now: t0 + 99, leaseMs: lease, limit: 1_000 });

  describe("deliveries", () => {
    test("an event is queued for each webhook of its app, due at once, and comes back whole", async () => {
      const { store } = await subject();
      const { app, accountId, webhook, tell } = await webhookHouse(store);
      const hooks = [await webhook(), await webhook()];
      const stranger = webhookRow("app_other");
      await store.webhooks.insert(stranger);
      const [eventId = ""] = await tell([{ type: "message.moved", createdAt: t0 + 3 }]);
      for (const hook of hooks) {
        const rows = await store.deliveries.list(hook.id, whole);
        const id = expect.stringMatching(new RegExp(`^dlv_${eventId.slice(4, 14)}[0-9a-f]{16}$`));
        const ofEvent = {
          appId: app.id,
          webhookId: hook.id,
          accountId,
          eventId,
          type: "message.moved",
          testEvent: null,
        };
        const fresh = { state: "pending", tries: 0, attemptCount: 0, attempts: [], finishedAt: null };
        expect(rows).toEqual([{ id, ...ofEvent, ...fresh, nextAttemptAt: t0 + 3, createdAt: t0 + 3 }]);
        expect(await store.deliveries.get(hook.id, rows[0]?.id ?? "")).toEqual(rows[0]);
        expect(await store.deliveries.get(stranger.id, rows[0]?.id ?? "")).toBeNull();
      }
      expect(await store.deliveries.list(stranger.id, whole)).toEqual([]);
    });

    test("those of hundreds of events at once, each once, under ids of their own", async () => {
      const { store } = await subject();
      const { webhook, tell, queued } = await webhookHouse(store);
      const hooks = [await webhook(), await webhook(), await webhook()];
      await tell([{}]);
      const events = await tell(Array.from({ length: 250 }, () => ({})));
      const more = await tell([{}, {}]);
      const ids = new Set<string>();
      for (const hook of hooks) {
        expect((await queued(hook)).filter((id) => [...events, ...more].includes(id)).toSorted()).toEqual(
          [...events, ...more].toSorted(),
        );
        for (const { id } of await store.deliveries.list(hook.id, whole)) ids.add(id);
      }
      expect(ids.size).toBe(3 * 253);
    });

    test("filters choose by type, by account, by the role of a folder, and all together", async () => {
      const { store } = await subject();
      const { account, accountId, webhook, tell, queued } = await webhookHouse(store);
      const second = await account();
      const hooks = {
        all: await webhook(),
        nothing: await webhook({ types: [] }),
        nobody: await webhook({ accountIds: [] }),
        created: await webhook({ types: ["message.created"] }),
        two: await webhook({ types: ["account.paused", "message.created"] }),
        second: await webhook({ accountIds: ["acc_x", second] }),
        beginning: await webhook({ accountIds: [second.slice(0, -1)] }),
        inbox: await webhook({ folderRoles: ["inbox"] }),
        roles: await webhook({ folderRoles: ["sent", "trash", "flagged"] }),
        noRole: await webhook({ folderRoles: [] }),
        combined: await webhook({ types: ["message.created"], accountIds: [accountId], folderRoles: ["inbox"] }),
        disabled: await webhook({ disabledBecause: "caller", disabledAt: t0 }),
      };
      const [inInbox, moved, nowhere] = await tell([
        { folderRoles: ["inbox"] },
        { type: "message.moved", folderRoles: ["inbox", "trash"] },
        { folderRoles: [] },
      ]);
      const [paused] = await tell([{ type: "account.paused", folderRoles: null }]);
      const [ofSecond, sent] = await tell([{ folderRoles: ["inbox"] }, { folderRoles: ["sent"] }], second);
      const names = new Map([inInbox, moved, nowhere, paused, ofSecond, sent].map((id, at) => [id ?? "", at]));
      const got: Record<string, unknown> = {};
      for (const [name, hook] of Object.entries(hooks)) {
        got[name] = (await queued(hook)).map((id) => names.get(id) ?? -1).toSorted((a, b) => a - b);
      }
      expect(got).toEqual({
        all: [0, 1, 2, 3, 4, 5],
        nothing: [],
        nobody: [],
        created: [0, 2, 4, 5],
        two: [0, 2, 3, 4, 5],
        second: [4, 5],
        beginning: [],
        inbox: [0, 1, 3, 4],
        roles: [1, 3, 5],
        noRole: [3],
        combined: [0],
        disabled: [],
      });
    });

    test("stand in the atomic of their events: refused together, and none of another's", async () => {
      const { store } = await subject();
      const { app, accountId, account, webhook, queued } = await webhookHouse(store);
      const hook = await webhook();
      const events = [newEvent(accountId, { appId: app.id })];
      expect(await store.watches.write({ id: accountId, appId: app.id, epoch: 5 }, { events })).toBe(false);
      expect(await queued(hook)).toEqual([]);
      const accounts = await Promise.all(Array.from({ length: 6 }, () => account()));
      const ids = await Promise.all(
        accounts.map(async (id, at) => {
          const some = Array.from({ length: 1 + at * 4 }, () => newEvent(id, { appId: app.id }));
          const epoch = at === 2 ? 9 : 0;
          const written = await store.watches.write({ id, appId: app.id, epoch }, { events: some });
          return written ? some.map((event) => event.id) : [];
        }),
      );
      expect((await queued(hook)).toSorted()).toEqual(ids.flat().toSorted());
    });

    test("are those of accounts' states and folders, too", async () => {
      const { store } = await subject();
      const { app, webhook, queued } = await webhookHouse(store);
      const hook = await webhook();
      const row = accountRow({ appId: app.id });
      await store.accounts.insert(row);
      const paused = newEvent(row.id, { appId: app.id, type: "account.paused" });
      await store.accounts.setState(row, { state: "paused", lastError: null }, t0, paused);
      expect(await queued(hook)).toEqual([paused.id]);
      const made = newEvent(row.id, { appId: app.id, type: "folder.created", folderRoles: [] });
      const version = await store.folders.version(row.id);
      await store.folders.save(row.id, { added: [], changed: [], told: { version, events: [made] } });
      expect((await queued(hook)).toSorted()).toEqual([paused.id, made.id].toSorted());
    });

    test("are listed newest first, page by page and by state", async () => {
      const { store } = await subject();
      const { webhook, tell } = await webhookHouse(store);
      const hook = await webhook();
      for (let at = 0; at < 8; at += 1) await tell([{ id: orderedId("evt", t0 + at) }]);
      const claims = await claimAll(hook);
      const states = ["delivered", "failed", "pending", "delivered", "parked", "failed", "pending"] as const;
      await store.deliveries.settle(
        states.flatMap((state, at) => {
          const claim = claims[at];
          return claim === undefined ? [] : [outcome(claim, { state })];
        }),
      );
      const ids = claims.map(({ delivery }) => delivery.id);
      const list = async (page: Partial<Parameters<typeof store.deliveries.list>[1]>) =>
        (await store.deliveries.list(hook.id, { ...whole, ...page })).map(({ id }) => ids.indexOf(id));
      expect(await list({})).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
      expect(await list({ limit: 3 })).toEqual([7, 6, 5]);
      expect(await list({ limit: 3, before: ids[5] ?? "" })).toEqual([4, 3, 2]);
      expect(await list({ states: ["delivering"] })).toEqual([7]);
      expect(await list({ states: ["delivered", "failed"] })).toEqual([5, 3, 1, 0]);
      expect(await list({ states: ["failed", "delivered"], limit: 2, before: ids[5] ?? "" })).toEqual([3, 1]);
      expect(await list({ states: ["parked", "pending"] })).toEqual([6, 4, 2]);
      expect(await list({ states: [] })).toEqual([]);
    });

    test("a test is there from its beginning, of a webhook that is there", async () => {
      const { store } = await subject();
      const { webhook } = await webhookHouse(store);
      const hook = await webhook({ disabledBecause: "gone", disabledAt: t0 });
      const row = testDeliveryRow(hook);
      const { epoch } = await store.deliveries.insertTest(row, "o", t0 + lease);
      expect(await store.deliveries.list(hook.id, whole)).toEqual([row]);
      const settled = outcome({ delivery: row, epoch, event: null }, { state: "failed" });
      expect(await store.deliveries.settle([settled])).toEqual([row.id]);
      const { epoch: _epoch, ...fields } = settled;
      expect(await store.deliveries.get(hook.id, row.id)).toEqual({ ...row, ...fields });
      const elsewhere = { ...testDeliveryRow(hook), appId: "app_other" };
      const gone = { code: "not-found" };
      await expect(store.deliveries.insertTest(elsewhere, "o", t0)).rejects.toMatchObject(gone);
      await store.webhooks.remove(hook.appId, hook.id);
      await expect(store.deliveries.insertTest(testDeliveryRow(hook), "o", t0)).rejects.toMatchObject(gone);
    });

    test("a test that its process left is failed, on a disabled webhook too; one that is under way and other deliveries are not", async () => {
      const { store } = await subject();
      const { webhook, tell } = await webhookHouse(store);
      const hook = await webhook();
      await tell([{ createdAt: t0 - lease }]);
      const [event] = await claimAll(hook);
      await store.webhooks.update({ ...hook, disabledBecause: "caller", disabledAt: t0 }, 1);
      const [left, underWay] = [testDeliveryRow(hook), testDeliveryRow(hook)];
      const { epoch } = await store.deliveries.insertTest(left, "o", t0 + lease);
      await store.deliveries.insertTest(underWay, "o", t0 + 9e6);
      await store.deliveries.failTests(t0 + lease - 1, attempt);
      expect(await store.deliveries.get(hook.id, left.id)).toEqual(left);
      await store.deliveries.failTests(t0 + lease + 99, attempt);
      const over = { state: "failed", tries: 1, attemptCount: 1, attempts: [attempt], finishedAt: t0 + lease + 99 };
      expect(await store.deliveries.get(hook.id, left.id)).toEqual({ ...left, ...over });
      expect(await store.deliveries.get(hook.id, underWay.id)).toEqual(underWay);
      expect(await store.deliveries.get(hook.id, event?.delivery.id ?? "")).toEqual(event?.delivery);
      expect(await store.deliveries.settle([outcome({ delivery: left, epoch, event: null })])).toEqual([]);
    });

    test.each(["delivered", "failed", "parked", "pending"] as const)(
      "one that is %s is delivered again",
      async (state) => {
        const { store } = await subject();
        const { webhook, tell } = await webhookHouse(store);
        const hook = await webhook();
        await tell([{}]);
        const [claim] = await claimAll(hook);
        if (claim === undefined) throw new Error("none");
        const { id } = claim.delivery;
        expect(await store.deliveries.redeliver(hook.id, id, t0 + 500)).toBe("under-way");
        const waits = state === "pending";
        const finishedAt = waits ? null : t0 + 9;
        await store.deliveries.settle([
          outcome(claim, { state, tries: 4, nextAttemptAt: waits ? t0 + 9e6 : null, finishedAt }),
        ]);
        expect(await store.deliveries.redeliver("whk_other", id, t0 + 500)).toBeNull();
        const row = await store.deliveries.redeliver(hook.id, id, t0 + 500);
        const anew = { state: "pending", tries: 0, nextAttemptAt: t0 + 500, finishedAt: null };
        expect(row).toEqual({ ...claim.delivery, ...anew, attemptCount: 1, attempts: [attempt] });
        expect(await store.deliveries.get(hook.id, id)).toEqual(row);
        expect(
          await store.deliveries.claim(hook.id, { owner: "p", now: t0 + 500, leaseMs: lease, limit: 9 }),
        ).toMatchObject([{ delivery: { id }, epoch: 2 }]);
        // The first one's claim is over.
        expect(await store.deliveries.settle([outcome(claim)])).toEqual([]);
      },
    );

    test("one whose event is no longer kept can't be delivered again, but a test can", async () => {
      const { store } = await subject();
      const { webhook, tell } = await webhookHouse(store);
      const hook = await webhook();
      await tell([{ createdAt: 1_000 }]);
      const [claim] = await claimAll(hook);
      if (claim === undefined) throw new Error("none");
      await store.deliveries.settle([outcome(claim, { state: "failed" })]);
      await store.events.sweep(1_001);
      expect(await store.deliveries.redeliver(hook.id, claim.delivery.id, t0)).toBe("gone");
      expect(await store.deliveries.get(hook.id, claim.delivery.id)).toMatchObject({ state: "failed" });
      expect(await store.deliveries.redeliver(hook.id, "dlv_none", t0)).toBeNull();
      const row = testDeliveryRow(hook);
      const { epoch } = await store.deliveries.insertTest(row, "o", t0 + lease);
      await store.deliveries.settle([outcome({ delivery: row, epoch, event: null }, { state: "failed" })]);
      expect(await store.deliveries.redeliver(hook.id, row.id, t0)).toMatchObject({ state: "pending", tries: 0 });
      expect(await claimAll(hook)).toMatchObject([{ delivery: { id: row.id, testEvent: row.testEvent }, event: null }]);
    });

    test("those of an account go with it, and its last event is delivered", async () => {
      const { store } = await subject();
      const { app, accountId, account, webhook, tell, queued } = await webhookHouse(store);
      const hook = await webhook({ accountIds: [accountId] });
      const open = await webhook();
      await tell([{}, {}]);
      const [kept] = await tell([{}], await account());
      const [claim] = await claimAll(hook);
      expect(await queued(hook)).toHaveLength(2);
      expect(await queued(open)).toHaveLength(3);
      const deleted = newEvent(accountId, { appId: app.id, type: "account.deleted" });
      await store.accounts.remove(app.id, accountId, deleted);
      expect(await queued(hook)).toEqual([deleted.id]);
      expect((await queued(open)).toSorted()).toEqual([kept ?? "", deleted.id].toSorted());
      expect(claim && (await store.deliveries.settle([outcome(claim)]))).toEqual([]);
    });

    test("what is old is swept, what was delivered sooner, and what belongs to no webhook", async () => {
      const { handle, store } = await subject();
      const { webhook, tell, queued } = await webhookHouse(store);
      await handle.atomic((db) => [db.delete(handle.tables.deliveries)]);
      const hook = await webhook();
      await tell([
        { createdAt: 1_000 },
        { createdAt: 1_000 },
        { createdAt: 2_000 },
        { createdAt: 2_000 },
        { createdAt: 2_000 },
      ]);
      const claims = await claimAll(hook);
      const [, , third, fourth, fifth] = claims;
      if (third === undefined || fourth === undefined || fifth === undefined) throw new Error("fewer");
      await store.deliveries.settle([
        outcome(third, { finishedAt: 5_000 }),
        outcome(fourth, { finishedAt: 6_000 }),
        outcome(fifth, { finishedAt: 5_000, state: "failed" }),
      ]);
      const before = { delivered: 0, created: 0 };
      expect(await store.deliveries.sweep(before)).toBe(0);
      expect(await store.deliveries.sweep({ ...before, delivered: 6_000 })).toBe(1);
      expect(await queued(hook)).toHaveLength(4);
      expect(await store.deliveries.sweep({ ...before, created: 2_000 })).toBe(2);
      expect((await queued(hook)).toSorted()).toEqual(
        [fourth, fifth].map(({ delivery }) => delivery.eventId).toSorted(),
      );

      const gone = await webhook();
      for (let round = 0; round < 6; round += 1) await tell(Array.from({ length: 100 }, () => ({})));
      await handle.atomic((db) => [db.delete(handle.tables.webhooks)]);
      await store.webhooks.insert(hook);
      expect(await queued(gone)).toHaveLength(600);
      expect(await store.deliveries.sweep(before)).toBe(600);
      expect(await queued(gone)).toEqual([]);
      expect(await queued(hook)).toHaveLength(602);
    });
  });
}
