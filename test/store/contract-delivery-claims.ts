import { describe, expect, test } from "vitest";
import { orderedId } from "../../src/mail/id.ts";
import type { DeliveryClaim, WebhookRow } from "../../src/store/webhook-rows.ts";
import type { Subject } from "./contract.ts";
import { testDeliveryRow } from "./rows.ts";
import { attempt, outcome, t0, webhookHouse } from "./webhook-house.ts";

const lease = 20_000;

export function deliveryClaimsContract(subject: () => Promise<Subject>): void {
  const claim = async ({ id }: Pick<WebhookRow, "id">, now = t0, limit = 100, owner = "a") =>
    (await subject()).store.deliveries.claim(id, { owner, now, leaseMs: lease, limit });
  const dueOf = async ({ id }: WebhookRow) =>
    (await (await subject()).store.deliveries.due()).find(({ webhookId }) => webhookId === id)?.dueAt;
  const eventsOf = (claims: DeliveryClaim[]) => claims.map(({ delivery }) => delivery.eventId);

  /** A webhook with events queued for it, due one after another, a millisecond each. */
  async function queue(count: number, change: Partial<WebhookRow> = {}) {
    const { store } = await subject();
    const house = await webhookHouse(store);
    const hook = await house.webhook(change);
    const events = await house.tell(
      Array.from({ length: count }, (_, at) => ({ id: orderedId("evt", t0 + at), createdAt: t0 + at })),
    );
    return { ...house, hook, events, deliveries: store.deliveries, webhooks: store.webhooks };
  }

  describe("claims of deliveries", () => {
    test("what is due is handed out once, with its event, under a new epoch", async () => {
      const { hook, app, events, deliveries } = await queue(3);
      expect(await claim(hook, t0 - 1)).toEqual([]);
      expect(await claim(hook, t0 + 1, 0)).toEqual([]);
      const rows = (await deliveries.list(hook.id, { before: null, limit: 9, states: null })).toReversed();
      const log = await (
        await subject()
      ).store.events.list(app.id, { after: 0, limit: 9, types: null, accountIds: null });
      const claimed = rows.slice(0, 2).map((row, at) => {
        const {
          appId: _app,
          folderRoles: _roles,
          data,
          ...event
        } = log[at] ?? { appId: "", folderRoles: null, data: null };
        return {
          delivery: { ...row, state: "delivering", nextAttemptAt: null },
          epoch: 1,
          event: { ...event, data: JSON.stringify(data) },
        };
      });
      expect(await claim(hook, t0 + 1)).toEqual(claimed);
      expect(await deliveries.get(hook.id, rows[0]?.id ?? "")).toEqual(claimed[0]?.delivery);
      expect(await claim(hook, t0 + 1, 100, "b")).toEqual([]);
      expect(eventsOf(await claim(hook, t0 + 2))).toEqual(events.slice(2));
    });

    test("the longest due come first, in the order of their events", async () => {
      const { hook, events } = await queue(7);
      expect(eventsOf(await claim(hook, t0 + 99, 3))).toEqual(events.slice(0, 3));
      expect(eventsOf(await claim(hook, t0 + 99, 3))).toEqual(events.slice(3, 6));
      expect(eventsOf(await claim(hook, t0 + 99, 3))).toEqual(events.slice(6));
    });

    test("many owners at once never get the same one, and leave none", async () => {
      const { hook, events } = await queue(120);
      const claimed: string[] = [];
      for (let round = 0; round < 60 && claimed.length < events.length; round += 1) {
        const claims = await Promise.all(["a", "b", "c", "d"].map((owner) => claim(hook, t0 + 999, 9, owner)));
        for (const some of claims) expect(some.length).toBeLessThanOrEqual(9);
        expect(claims.flat().every(({ epoch }) => epoch === 1)).toBe(true);
        claimed.push(...eventsOf(claims.flat()));
      }
      expect(claimed.toSorted()).toEqual(events.toSorted());
    });

    test("nothing is handed out of a webhook that is disabled, held or gone", async () => {
      const { hook, app, events, deliveries, webhooks } = await queue(2);
      const [first] = await claim(hook, t0, 1);
      await webhooks.note(hook, { holdUntil: t0 + 50 });
      expect(await claim(hook, t0 + 49)).toEqual([]);
      expect(await dueOf(hook)).toBe(t0 + 50);
      expect(eventsOf(await claim(hook, t0 + 50, 1))).toEqual([events[1]]);
      await webhooks.update({ ...hook, disabledBecause: "caller", disabledAt: t0 }, 1);
      expect(await claim(hook, t0 + 9e6)).toEqual([]);
      expect(await dueOf(hook)).toBeUndefined();
      expect(
        first && (await deliveries.settle([outcome(first, { state: "pending", nextAttemptAt: t0 })])),
      ).toHaveLength(1);
      expect(await dueOf(hook)).toBeUndefined();
      await webhooks.update({ ...hook, holdUntil: 0 }, 2);
      expect(await dueOf(hook)).toBe(t0);
      expect(eventsOf(await claim(hook, t0))).toEqual([events[0]]);
      await webhooks.remove(app.id, hook.id);
      expect(await claim(hook, t0 + 9e6)).toEqual([]);
    });

    test("it is told of each webhook when there is something to do next", async () => {
      const { hook, deliveries, webhook } = await queue(2);
      const idle = await webhook();
      expect(await dueOf(idle)).toBeUndefined();
      expect(await deliveries.due()).toContainEqual({ webhookId: hook.id, appId: hook.appId, dueAt: t0 });
      const [first] = await claim(hook, t0, 1);
      expect(await dueOf(hook)).toBe(t0 + 1);
      const [second] = await claim(hook, t0 + 1, 1);
      expect(await dueOf(hook)).toBe(t0 + lease);
      if (first === undefined || second === undefined) throw new Error("fewer");
      await deliveries.settle([outcome(first)]);
      expect(await dueOf(hook)).toBe(t0 + 1 + lease);
      await deliveries.settle([outcome(second, { state: "pending", nextAttemptAt: t0 + 5_000 })]);
      expect(await dueOf(hook)).toBe(t0 + 5_000);
      const found = await deliveries.due();
      expect(found.length).toBe(new Set(found.map(({ webhookId }) => webhookId)).size);
    });

    test("outcomes are written while their claims stand, many at once, and the others left alone", async () => {
      const { hook, deliveries } = await queue(130);
      const claims = await claim(hook, t0 + 999, 130);
      expect(claims).toHaveLength(130);
      const excerpt = `${'"\\'.repeat(300)}${"🌍".repeat(200)}\u0000\ud800`;
      const attempts = Array.from({ length: 20 }, () => ({ ...attempt, excerpt, error: { code: "x", detail: "é" } }));
      const outcomes = claims.map((one, at) => outcome(one, { attempts: at % 2 === 0 ? attempts : [attempt] }));
      const late = outcomes[7]?.id ?? "";
      const written = await deliveries.settle(
        outcomes.map((one) => (one.id === late ? { ...one, epoch: one.epoch + 1 } : one)),
      );
      expect(written.toSorted()).toEqual(outcomes.flatMap(({ id }) => (id === late ? [] : [id])).toSorted());
      for (const at of [0, 1, 128, 129]) {
        const { epoch: _epoch, ...fields } = outcomes[at] ?? { id: "", epoch: 0 };
        expect(await deliveries.get(hook.id, fields.id)).toEqual({ ...claims[at]?.delivery, ...fields });
      }
      expect(await deliveries.get(hook.id, late)).toEqual(claims[7]?.delivery);
      expect(await deliveries.settle(outcomes)).toEqual([late]);
      expect(await deliveries.settle([])).toEqual([]);
    });

    test("one that is given back without an attempt waits as it was", async () => {
      const { hook, deliveries } = await queue(1);
      const [taken] = await claim(hook);
      if (taken === undefined) throw new Error("none");
      const { tries, attemptCount, attempts } = taken.delivery;
      const back = {
        tries,
        attemptCount,
        attempts,
        state: "pending" as const,
        nextAttemptAt: t0 + 7,
        finishedAt: null,
      };
      expect(await deliveries.settle([outcome(taken, back)])).toEqual([taken.delivery.id]);
      expect(await deliveries.get(hook.id, taken.delivery.id)).toEqual({ ...taken.delivery, ...back });
      expect(await claim(hook, t0 + 6)).toEqual([]);
      expect(await claim(hook, t0 + 7)).toEqual([{ ...taken, epoch: 2 }]);
    });

    test("a claim lasts as long as it is renewed; after that another's writes count", async () => {
      const { hook, deliveries } = await queue(2);
      const claims = await claim(hook, t0 + 1);
      const [first, second] = claims;
      if (first === undefined || second === undefined) throw new Error("fewer");
      const held = claims.map(({ delivery: { id }, epoch }) => ({ id, epoch }));
      expect(await deliveries.renew([], t0 + 9e9)).toEqual([]);
      const stands = await deliveries.renew(
        held.map((one) => (one.id === second.delivery.id ? { ...one, epoch: 2 } : one)),
        t0 + 3 * lease,
      );
      expect(stands).toEqual([first.delivery.id]);
      expect(await claim(hook, t0 + lease, 9, "b")).toEqual([]);
      expect(await claim(hook, t0 + 1 + lease, 9, "b")).toEqual([{ ...second, epoch: 2 }]);
      await deliveries.renew(held, t0 + 5 * lease);
      expect(await claim(hook, t0 + 2 + 2 * lease, 9, "c")).toEqual([{ ...second, epoch: 3 }]);
      expect(await deliveries.settle(claims.map((one) => outcome(one)))).toEqual([first.delivery.id]);
      expect(await deliveries.renew(held, t0 + 9e9)).toEqual([]);
      expect(await deliveries.settle([outcome({ ...second, epoch: 3 })])).toEqual([second.delivery.id]);
      expect(await dueOf(hook)).toBeUndefined();
    });

    test("of those that wait with their owner, what may yet begin is told", async () => {
      const { hook, app, webhook, tell, deliveries, webhooks } = await queue(3);
      const other = await webhook();
      await tell([{}]);
      const named = (claims: DeliveryClaim[]) =>
        claims.map(({ delivery: { id }, epoch }) => ({ id, epoch, version: 1 }));
      const mine = named(await claim(hook, t0 + 99));
      const others = named(await claim(other, t0 + 99));
      const ids = (some: { id: string }[]) => some.map(({ id }) => id).toSorted();
      const standing = async (claims: typeof mine) => (await deliveries.confirm(claims)).toSorted();
      expect(await standing([])).toEqual([]);
      expect([mine.length, others.length]).toEqual([4, 1]);
      expect(await standing([...mine, ...others])).toEqual(ids([...mine, ...others]));
      const [first, ...rest] = mine;
      if (first === undefined) throw new Error("none");
      expect(await standing([{ ...first, epoch: 2 }, ...rest])).toEqual(ids(rest));
      await deliveries.settle([
        { ...first, state: "pending", tries: 0, attemptCount: 0, attempts: [], nextAttemptAt: t0, finishedAt: null },
      ]);
      expect(await standing(mine)).toEqual(ids(rest));
      await webhooks.update({ ...hook, url: "https://new.example/" }, 1);
      expect(await standing([...mine, ...others])).toEqual(ids(others));
      const anew = rest.map((one) => ({ ...one, version: 2 }));
      expect(await standing(anew)).toEqual(ids(rest));
      await webhooks.update({ ...hook, disabledBecause: "caller", disabledAt: t0 }, 2);
      expect(await standing(anew.map((one) => ({ ...one, version: 3 })))).toEqual([]);
      await webhooks.remove(app.id, other.id);
      expect(await standing(others)).toEqual([]);
    });

    test("the claims of a process that comes again under its name run out at once, and no other's", async () => {
      const { hook, deliveries } = await queue(3);
      const [first] = await claim(hook, t0, 1, "a");
      await claim(hook, t0 + 1, 1, "b");
      await deliveries.abandon("a", t0 + 5);
      expect(await dueOf(hook)).toBe(t0 + 2);
      expect(await claim(hook, t0 + 5, 1, "c")).toEqual([{ ...first, epoch: 2 }]);
      await deliveries.abandon("nobody", t0 + 5);
      expect(await claim(hook, t0 + 5, 9, "c")).toHaveLength(1);
      // Later than it ran out anyway.
      await deliveries.abandon("b", t0 + 9 * lease);
      expect(await claim(hook, t0 + 1 + lease, 1, "c")).toMatchObject([{ epoch: 2 }]);
    });

    test("one that its workers died over three times is parked, and the rest flows", async () => {
      const { hook, deliveries, events } = await queue(2);
      for (let death = 0; death < 3; death += 1) {
        expect(await claim(hook, t0 + death * lease, 1)).toMatchObject([
          { delivery: { eventId: events[0], tries: 0, attemptCount: 0 }, epoch: death + 1 },
        ]);
      }
      const at = t0 + 3 * lease;
      expect(eventsOf(await claim(hook, at, 2))).toEqual([events[1]]);
      const [parked] = await deliveries.list(hook.id, { before: null, limit: 9, states: ["parked"] });
      const over = { state: "parked", finishedAt: at, nextAttemptAt: null };
      expect(parked).toMatchObject({ eventId: events[0], ...over, attempts: [] });
      const id = parked?.id ?? "";
      for (const epoch of [3, 4]) {
        const late = { id, epoch, tries: 1, attemptCount: 1, attempts: [], ...over, state: "failed" as const };
        expect(await deliveries.settle([late])).toEqual([]);
      }
      // Asked for again, it has all its lives.
      await deliveries.redeliver(hook.id, id, at);
      for (let death = 0; death < 2; death += 1)
        expect(eventsOf(await claim(hook, at + death * lease))).toContain(events[0]);
      await claim(hook, at + 2 * lease);
      await claim(hook, at + 2 * lease);
      expect(await deliveries.list(hook.id, { before: null, limit: 9, states: ["parked"] })).toEqual([]);
    });

    test("those that lost two workers are claimed one at a time, so that only one more can be parked by a death", async () => {
      const { hook, deliveries, events } = await queue(3);
      for (let death = 0; death < 2; death += 1)
        expect(eventsOf(await claim(hook, t0 + 9 + death * lease)).toSorted()).toEqual(events.toSorted());
      const [suspect, ...others] = await claim(hook, t0 + 9 + 2 * lease);
      expect(others).toEqual([]);
      expect(await claim(hook, t0 + 9 + 2 * lease + 1)).toEqual([]);
      const at = t0 + 9 + 3 * lease;
      for (let nth = 0; nth < 2; nth += 1) {
        const [next, ...more] = await claim(hook, at);
        expect([more, suspect?.delivery.id === next?.delivery.id]).toEqual([[], false]);
        if (next) await deliveries.settle([outcome(next, { state: "delivered", nextAttemptAt: null, finishedAt: at })]);
      }
      expect(await claim(hook, at)).toEqual([]);
      const over = await deliveries.list(hook.id, { before: null, limit: 9, states: ["parked"] });
      expect(over.map(({ eventId }) => eventId)).toEqual([suspect?.delivery.eventId]);
    });

    test("a death is forgotten once a worker has given the delivery back", async () => {
      const { hook, deliveries } = await queue(1);
      let now = t0;
      for (let epoch = 1; epoch <= 6; epoch += 2) {
        await claim(hook, now, 1, "dies");
        now += lease;
        const [taken] = await claim(hook, now, 1, "lives");
        expect(taken).toMatchObject({ epoch: epoch + 1 });
        if (taken)
          await deliveries.settle([outcome(taken, { state: "pending", nextAttemptAt: now, finishedAt: null })]);
      }
      expect(await claim(hook, now)).toHaveLength(1);
    });

    test("one whose event has no content any more is handed out without", async () => {
      const { hook } = await queue(2);
      const { handle, store } = await subject();
      await handle.atomic((db) => [db.update(handle.tables.events).set({ data: null })]);
      const row = testDeliveryRow(hook);
      await store.deliveries.insertTest(row, "gone", t0);
      const claims = await claim(hook, t0 + 99);
      expect(claims.map(({ event }) => event)).toEqual([null, null, null]);
      expect(claims).toContainEqual({ delivery: row, epoch: 2, event: null });
    });

    test("those that wait are counted", async () => {
      const { deliveries } = (await subject()).store;
      const before = await deliveries.countPending();
      const { hook } = await queue(4);
      expect(await deliveries.countPending()).toBe(before + 4);
      const [first] = await claim(hook, t0, 1);
      expect(await deliveries.countPending()).toBe(before + 3);
      if (first) await deliveries.settle([outcome(first)]);
      expect(await deliveries.countPending()).toBe(before + 3);
    });
  });
}
