import { describe, expect, test } from "vitest";
import type { EventType } from "../../src/mail/event.ts";
import { orderedId, randomId } from "../../src/mail/id.ts";
import { createStore } from "../../src/store/create-store.ts";
import type { Handle } from "../../src/store/handle.ts";
import type { Store } from "../../src/store/store.ts";
import type { Subject } from "./contract.ts";
import { accountRow, appRow, newEvent } from "./rows.ts";

const t0 = 1_790_000_000_000;
const whole = { after: 0, limit: 10_000, types: null, accountIds: null };

/** An app with accounts, and what appends to its log through one of them. */
async function house(store: Store, count = 1) {
  const app = appRow();
  await store.apps.insert(app);
  const accounts = Array.from({ length: count }, () => accountRow({ appId: app.id }));
  await Promise.all(accounts.map((account) => store.accounts.insert(account)));
  const append = (at: number, types: EventType[], createdAt = t0) => {
    const account = accounts[at] ?? accountRow();
    const events = types.map((type) => newEvent(account.id, { appId: app.id, type, createdAt }));
    return store.watches.write({ id: account.id, appId: app.id, epoch: 0 }, { events });
  };
  const sequences = async (page: Partial<Parameters<Store["events"]["list"]>[1]> = {}) =>
    (await store.events.list(app.id, { ...whole, ...page })).map(({ sequence }) => sequence);
  return { app, accounts, append, sequences };
}

export function eventsContract(subject: () => Promise<Subject>): void {
  describe("events", () => {
    test("come back as they were put in, in the order of their sequence, to their own app only", async () => {
      const { store } = await subject();
      const { app, accounts } = await house(store);
      const [account] = accounts;
      const accountId = account?.id ?? "";
      const events = [
        newEvent(accountId, { appId: app.id, id: orderedId("evt", 9), externalId: "é \u2028" }),
        newEvent(accountId, { appId: app.id, id: orderedId("evt", 5), type: "folder.reset", data: {} }),
      ];
      await store.watches.write({ id: accountId, appId: app.id, epoch: 0 }, { events });
      const rows = events.map((event, at) => ({ ...event, sequence: at + 1 }));
      expect(await store.events.list(app.id, whole)).toEqual(rows);
      expect(await store.events.list("app_other", whole)).toEqual([]);
      expect(await store.events.sequenceOf(app.id, events[1]?.id ?? "")).toBe(2);
      expect(await store.events.sequenceOf("app_other", events[1]?.id ?? "")).toBeNull();
      expect(await store.events.sequenceOf(app.id, "evt_none")).toBeNull();
    });

    test("many that append at once leave no gap and no double, and each keeps its order", async () => {
      const { store } = await subject();
      const { app, accounts, sequences } = await house(store, 8);
      const other = await house(store);
      const written = accounts.flatMap((account, at) =>
        Array.from({ length: 6 }, async (_, round) => {
          const ids = Array.from({ length: 1 + ((at + round) % 13) }, () => orderedId("evt", t0));
          const events = ids.map((id) => newEvent(account.id, { appId: app.id, id }));
          const epoch = round === 3 ? 7 : 0;
          expect(await store.watches.write({ id: account.id, appId: app.id, epoch }, { events })).toBe(epoch === 0);
          return epoch === 0 ? ids : [];
        }),
      );
      const [all] = await Promise.all([Promise.all(written), other.append(0, ["message.created"])]);
      const total = all.flat().length;
      expect(await sequences()).toEqual(Array.from({ length: total }, (_, at) => at + 1));
      expect(await other.sequences()).toEqual([1]);
      const rows = new Map((await store.events.list(app.id, whole)).map(({ id, sequence }) => [id, sequence]));
      for (const ids of all) {
        const first = rows.get(ids[0] ?? "") ?? 1;
        expect(ids.map((id) => rows.get(id))).toEqual(ids.map((_, at) => first + at));
      }
      expect(await store.events.bounds(app.id)).toEqual({ newest: total, oldest: 1 });
    });

    test("a hundred in one write", async () => {
      const { store } = await subject();
      const { append, sequences } = await house(store);
      await append(
        0,
        Array.from({ length: 100 }, () => "message.created" as const),
      );
      expect(await sequences()).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
    });

    test("are read page by page, by type and by account, however many accounts are asked for", async () => {
      const { store } = await subject();
      const { app, accounts, append, sequences } = await house(store, 3);
      for (let round = 0; round < 4; round += 1) {
        await append(0, ["message.created", "message.updated"]);
        await append(1, ["message.deleted"]);
        await append(2, ["message.created"]);
      }
      const [first, second, third] = accounts.map(({ id }) => id) as [string, string, string];
      expect(await sequences({ limit: 3 })).toEqual([1, 2, 3]);
      expect(await sequences({ after: 3, limit: 3 })).toEqual([4, 5, 6]);
      expect(await sequences({ after: 16 })).toEqual([]);
      expect(await sequences({ types: ["message.deleted"] })).toEqual([3, 7, 11, 15]);
      expect(await sequences({ types: ["message.deleted", "message.updated"], after: 3 })).toEqual([
        6, 7, 10, 11, 14, 15,
      ]);
      expect(await sequences({ types: ["no.such"] })).toEqual([]);
      expect(await sequences({ types: [] })).toEqual([]);
      expect(await sequences({ accountIds: [third] })).toEqual([4, 8, 12, 16]);
      expect(await sequences({ accountIds: [] })).toEqual([]);
      const strangers = Array.from({ length: 250 }, () => randomId("acc"));
      const among = [second, ...strangers, first];
      expect(await sequences({ accountIds: among })).toEqual([1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15]);
      expect(
        await sequences({ accountIds: among, after: 2, limit: 4, types: ["message.created", "message.deleted"] }),
      ).toEqual([3, 5, 7, 9]);
      expect(await store.events.list("app_other", { ...whole, accountIds: among })).toEqual([]);
      expect(await store.events.bounds(app.id)).toEqual({ newest: 16, oldest: 1 });
    });

    test("a reader who asks for many accounts passes no event over that comes meanwhile", async () => {
      const { handle, store } = await subject();
      const { app, accounts, append } = await house(store, 2);
      const both = async () => {
        await append(0, ["message.created"]);
        await append(1, ["message.created"]);
      };
      await both();
      // One read after another, and events between them.
      let turn: Promise<unknown> = Promise.resolve();
      const read: Handle["read"] = (build) => {
        const rows = turn.then(() => handle.read(build));
        turn = rows.then(both);
        return rows;
      };
      const [first, second] = accounts.map(({ id }) => id) as [string, string];
      const accountIds = [first, ...Array.from({ length: 100 }, () => randomId("acc")), second];
      const seen = await createStore({ ...handle, read }).events.list(app.id, { ...whole, accountIds });
      expect(seen.map(({ sequence }) => sequence)).toEqual([1, 2]);
      await turn;
      const newest = await store.events.list(app.id, { ...whole, after: 2, accountIds });
      expect(newest.map(({ sequence }) => sequence)).toEqual(newest.map((_, at) => at + 3));
      expect(newest.length).toBeGreaterThan(3);
    });

    test("what a deleted account leaves is no content, but points to go on from", async () => {
      const { store } = await subject();
      const { app, accounts, append, sequences } = await house(store, 2);
      await append(0, ["message.created", "message.moved"]);
      await append(1, ["message.created"]);
      const [gone] = accounts;
      const rows = await store.events.list(app.id, whole);
      const deleted = newEvent(gone?.id ?? "", { appId: app.id, type: "account.deleted", data: { externalId: "x" } });
      await store.accounts.remove(app.id, gone?.id ?? "", deleted);
      expect(await sequences()).toEqual([3, 4]);
      expect(await store.events.list(app.id, { ...whole, after: 3 })).toEqual([{ ...deleted, sequence: 4 }]);
      expect(await store.events.sequenceOf(app.id, rows[1]?.id ?? "")).toBe(2);
      expect(await store.events.bounds(app.id)).toEqual({ newest: 4, oldest: 1 });
    });

    test("only the log's beginning is swept: what an app's other clock calls old stays behind what is kept", async () => {
      const { store } = await subject();
      const [skewed, plain] = [await house(store), await house(store)];
      for (const at of [1_000, 5_000, 1_500, 1_600, 6_000]) await skewed.append(0, ["message.created"], at);
      await plain.append(0, ["message.created", "message.updated"], 3_000);
      expect(await store.events.sweep(4_000)).toBe(3);
      expect(await skewed.sequences()).toEqual([2, 3, 4, 5]);
      expect(await plain.sequences()).toEqual([]);
      expect(await store.events.sweep(4_000)).toBe(0);
      expect(await store.events.sweep(5_001)).toBe(3);
      expect(await skewed.sequences()).toEqual([5]);
    });

    test("old ones are swept, and the sequence goes on", async () => {
      const { store } = await subject();
      const { app, append, sequences } = await house(store);
      expect(await store.events.bounds("app_none")).toEqual({ newest: 0, oldest: null });
      expect(await store.events.bounds(app.id)).toEqual({ newest: 0, oldest: null });
      const many = Array.from({ length: 1_100 }, () => "message.created" as const);
      await append(0, many, 1_000);
      await append(0, ["message.created", "message.updated"], 2_000);
      expect(await store.events.sweep(2_000)).toBe(1_100);
      expect(await sequences()).toEqual([1_101, 1_102]);
      expect(await store.events.bounds(app.id)).toEqual({ newest: 1_102, oldest: 1_101 });
      expect(await store.events.sweep(2_001)).toBe(2);
      expect(await store.events.sweep(2_001)).toBe(0);
      expect(await store.events.bounds(app.id)).toEqual({ newest: 1_102, oldest: null });
      await append(0, ["message.created"]);
      expect(await sequences()).toEqual([1_103]);
    });
  });
}
