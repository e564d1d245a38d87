import { describe, expect, test } from "vitest";
import type { EventType } from "../../src/mail/event.ts";
import { randomId } from "../../src/mail/id.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import type { Subject } from "./contract.ts";
import { accountRow, appRow, newEvent } from "./rows.ts";

export function accountStatesContract(subject: () => Promise<Subject>): void {
  describe("accounts and who watches them", () => {
    test("an event comes with each change of the state, and pausing ends the claim of the watcher", async () => {
      const { store } = await subject();
      const app = appRow();
      await store.apps.insert(app);
      const row = accountRow({ appId: app.id, state: "connecting", stateSince: 10 });
      await store.accounts.insert(row);
      const told = async () =>
        (await store.events.list(app.id, { after: 0, limit: 99, types: null, accountIds: null })).map(
          ({ type, sequence }) => `${sequence} ${type}`,
        );
      const set = (state: AccountRow["state"], type: EventType | null, version = 1) =>
        store.accounts.setState(
          { id: row.id, version },
          { state, lastError: null },
          20,
          type && newEvent(row.id, { appId: app.id, type }),
        );
      await store.watches.claim("w", 1, 1_000, 1_000);
      expect(await store.watches.get(row.id)).toMatchObject({ owner: "w", epoch: 1, dueAt: 0 });

      expect(await set("connecting", "account.connected")).toBe(false);
      expect(await set("connected", "account.connected", 2)).toBe(false);
      expect(await told()).toEqual([]);
      expect(await set("connected", "account.connected")).toBe(true);
      expect(await set("connected", "account.connected")).toBe(false);
      expect(await store.watches.get(row.id)).toMatchObject({ owner: "w", epoch: 1 });
      expect(await set("paused", "account.paused")).toBe(true);
      // A login that was under way does not end the pause.
      expect(await set("connected", "account.recovered")).toBe(false);
      expect(await set("paused", "account.paused", 2)).toBe(false);
      const free = { owner: null, leaseUntil: 0 };
      expect(await store.watches.get(row.id)).toMatchObject({ ...free, epoch: 2, dueAt: null });
      expect(await store.accounts.update({ ...row, state: "connected", name: "x" }, 2)).toBe("updated");
      expect(await store.watches.get(row.id)).toMatchObject({ ...free, epoch: 3, dueAt: null });
      expect(await set("connecting", null, 3)).toBe(true);
      expect(await store.watches.get(row.id)).toMatchObject({ ...free, epoch: 4, dueAt: 0 });
      expect(await told()).toEqual(["1 account.connected", "2 account.paused"]);
      expect(await store.accounts.byId(row.id)).toMatchObject({ state: "connecting", stateSince: 20, version: 3 });
    });

    test("a login that works after one that was refused for good lets the watcher begin anew", async () => {
      const { accounts, watches } = (await subject()).store;
      const row = accountRow({ state: "authenticationFailed" });
      await accounts.insert(row);
      await watches.claim("w", 1, 1_000, 1_000);
      const { epoch = 0 } = (await watches.get(row.id)) ?? {};
      expect(await accounts.setState(row, { state: "connected", lastError: null }, 20, null)).toBe(true);
      await watches.release(row.id, epoch, null);
      expect(await watches.get(row.id)).toMatchObject({ owner: null, epoch: epoch + 1, dueAt: 0 });
    });

    test("of many that change the state at once, one tells of it", async () => {
      const { store } = await subject();
      const app = appRow();
      await store.apps.insert(app);
      const row = accountRow({ appId: app.id, state: "connecting" });
      await store.accounts.insert(row);
      const changed = await Promise.all(
        Array.from({ length: 12 }, () =>
          store.accounts.setState(
            row,
            { state: "connected", lastError: null },
            20,
            newEvent(row.id, { appId: app.id, type: "account.connected" }),
          ),
        ),
      );
      expect(changed.filter(Boolean)).toHaveLength(1);
      expect(await store.events.bounds(app.id)).toEqual({ newest: 1, oldest: 1 });
    });

    test("are due to be watched where there is something to watch, and with every change anew", async () => {
      const { accounts, watches } = (await subject()).store;
      const { watch, incoming } = accountRow();
      const dueAtOf = async (change: Partial<AccountRow>) => {
        const row = accountRow(change);
        await accounts.insert(row);
        return (await watches.get(row.id))?.dueAt;
      };
      expect(await dueAtOf({})).toBe(0);
      expect(await dueAtOf({ state: "paused" })).toBeNull();
      expect(await dueAtOf({ watch: { ...watch, mode: "off" } })).toBeNull();
      expect(await dueAtOf({ incoming: null })).toBeNull();

      const row = accountRow({ externalId: randomId("req"), appId: randomId("app") });
      await accounts.insert(row);
      const second = accountRow({ externalId: row.externalId, appId: row.appId });
      expect(await accounts.insert(second)).toBe(false);
      expect(await watches.get(second.id)).toBeNull();
      const nobody = { accountId: row.id, owner: null, leaseUntil: 0, lookedAt: null, mode: null };
      expect(await watches.get(row.id)).toEqual({ ...nobody, epoch: 0, dueAt: 0 });
      await watches.claim("w", 1, 1_000, 1_000);
      expect(await watches.get(row.id)).toMatchObject({ owner: "w", epoch: 1 });
      expect(await accounts.update(row, 7)).toBe("stale");
      expect(await watches.get(row.id)).toMatchObject({ owner: "w", epoch: 1 });
      expect(await accounts.update({ ...row, watch: { ...watch, mode: "off" } }, 1)).toBe("updated");
      expect(await watches.get(row.id)).toEqual({ ...nobody, epoch: 2, dueAt: null });
      expect(await accounts.update({ ...row, incoming }, 2)).toBe("updated");
      expect(await watches.get(row.id)).toEqual({ ...nobody, epoch: 3, dueAt: 0 });
    });
  });
}
