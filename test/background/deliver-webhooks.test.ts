import { describe, expect, test } from "vitest";
import { openHouse, timeoutMs } from "./delivery-house.ts";

const ok = () => ({ ms: 10, status: 204 });
const blackHole = () => ({ ms: 0 });
const days = 86_400_000;

describe("what is due", () => {
  test("is delivered as soon as its event is there, and nothing is done twice", async () => {
    const house = openHouse();
    const id = house.add({}, ok);
    await house.pass(5_000);
    const [row] = house.queue(id);
    const queuedAt = house.clock.now();
    await house.pass(10);
    expect(house.begun(id)).toEqual([expect.objectContaining({ eventId: row?.eventId, at: queuedAt })]);
    expect(row).toMatchObject({ state: "delivered", tries: 1, attemptCount: 1, finishedAt: queuedAt + 10 });
    await house.pass(600_000, 1_000);
    expect(house.begun(id)).toHaveLength(1);
  });

  test("in great number is claimed in parts, and the first of it is begun before the next is here", async () => {
    const house = openHouse();
    const id = house.add({ maxConcurrency: 64 }, ok);
    house.queue(id);
    await house.pass(10);
    const { claim } = house.needs.deliveries;
    const begunBefore: number[] = [];
    house.needs.deliveries.claim = (webhookId, by) => {
      expect(by.limit).toBeLessThanOrEqual(320);
      begunBefore.push(house.attempts.length);
      return claim(webhookId, by);
    };
    house.queue(id, 600);
    await house.pass(0, 1);
    expect(begunBefore.length).toBeGreaterThan(1);
    expect(begunBefore.slice(0, 2)).toEqual([1, 65]);
    await house.pass(2_000, 10);
    expect(house.states(id)).toEqual({ delivered: 601 });
    expect(house.attempts).toHaveLength(601);
  });

  test("is tried again by the schedule, and then fails", async () => {
    const house = openHouse();
    const id = house.add({}, () => ({ ms: 0, status: 500 }));
    const [row] = house.queue(id);
    await house.pass(4 * days, 60_000);
    const at = house.begun(id).map((one) => one.at);
    expect(at).toHaveLength(10);
    expect((at[2] ?? 0) - (at[1] ?? 0)).toBeGreaterThanOrEqual(300_000);
    expect(row).toMatchObject({ state: "failed", tries: 10 });
  });

  test("of an event whose content is gone fails and says so; a test that was cut off too", async () => {
    const house = openHouse();
    const id = house.add();
    const [gone] = house.queue(id, 1, { isGone: true });
    const [tested] = house.queue(id, 1, { testEvent: "{}", isGone: true });
    const [good] = house.queue(id);
    await house.pass(100, 10);
    expect(gone).toMatchObject({ state: "failed", attempts: [{ status: null, error: { code: "changes-expired" } }] });
    expect(tested).toMatchObject({ state: "failed", attempts: [{ error: { code: "internal" } }] });
    expect(good?.state).toBe("delivered");
    expect(house.attempts).toHaveLength(1);
    expect(house.webhooks.get(id)?.failingSince).toBeNull();
  });

  test("goes by the webhook as it is when the event comes", async () => {
    const house = openHouse();
    const id = house.add({}, ok);
    house.queue(id);
    await house.pass(10);
    house.change(id, { url: "https://elsewhere.example/", version: 2 });
    house.queue(id);
    await house.pass(10);
    expect(house.attempts.map(({ url }) => new URL(url).host)).toEqual(["receiver.example", "elsewhere.example"]);
  });

  test("that breaks our own attempt is tried again like any other", async () => {
    const house = openHouse({ attempt: () => Promise.reject(new Error("no vault")) });
    const id = house.add();
    const [row] = house.queue(id, 10);
    await house.pass(100, 10);
    expect(house.states(id)).toEqual({ pending: 10 });
    expect(house.webhooks.get(id)?.failingSince).toBeNull();
    expect(row).toMatchObject({ state: "pending", tries: 1, attempts: [{ error: { code: "internal" } }] });
  });
});

describe("isolation", () => {
  test("a black hole holds up nobody, and keeps one hand after five failures, until a success", async () => {
    const house = openHouse();
    const hole = house.add({}, blackHole);
    const good = house.add({}, ok);
    house.queue(hole, 500);
    house.queue(good, 500);
    await house.pass(2_000, 10);
    expect(house.states(good)).toEqual({ delivered: 500 });
    expect(house.openOf(hole)).toBe(20);
    await house.pass(timeoutMs, 1_000);
    expect(house.openOf(hole)).toBe(1);
    expect(Object.keys(house.states(hole)).toSorted()).toEqual(["delivering", "pending"]);
    expect(house.states(hole)["delivering"]).toBe(1);
    house.receive(hole, ok);
    await house.pass(timeoutMs + 1_000, 10);
    expect(house.openOf(hole)).toBe(0);
    // Those that failed wait for their times.
    expect(house.states(hole)["delivered"]).toBeGreaterThanOrEqual(475);
  });

  test("never more under way at a webhook than it takes", async () => {
    const house = openHouse();
    const few = house.add({ maxConcurrency: 3 }, ok);
    const many = house.add({ maxConcurrency: 100 }, ok);
    house.queue(few, 300);
    house.queue(many, 1_000);
    await house.pass(3_000, 10);
    expect(house.states(few)).toEqual({ delivered: 300 });
    expect(house.states(many)).toEqual({ delivered: 1_000 });
    expect([house.mostOpen.get(few), house.mostOpen.get(many)]).toEqual([3, 100]);
  });

  test("nothing is claimed that a slow receiver can't take soon; a quick one's is claimed ahead", async () => {
    const house = openHouse();
    const slow = house.add({ maxConcurrency: 5 }, () => ({ ms: 10_000, status: 200 }));
    const quick = house.add({ maxConcurrency: 5 }, ok);
    house.queue(slow, 100);
    house.queue(quick, 500);
    await house.pass(50, 10);
    expect(house.states(slow)["delivering"]).toBe(5);
    expect(house.states(quick)["delivering"]).toBeGreaterThan(20);
    await house.pass(2_000, 10);
    expect(house.states(quick)).toEqual({ delivered: 500 });
    await house.pass(20_000, 500);
    expect(house.states(slow)).toMatchObject({ delivering: 5, delivered: 10 });
  });

  test("hands are left for others, however many receivers of one app are slow", async () => {
    const house = openHouse();
    for (let nth = 0; nth < 60; nth += 1)
      house.queue(house.add({ appId: "app_big", maxConcurrency: 50 }, blackHole), 60);
    await house.pass(1_000, 100);
    expect(house.openInAll()).toBeGreaterThan(350);
    expect(house.openInAll()).toBeLessThan(512);
    const small = house.add({ appId: "app_small" }, ok);
    house.queue(small, 100);
    await house.pass(500, 10);
    expect(house.states(small)).toEqual({ delivered: 100 });
  });

  test("when hands are short, an app with fewer under way comes first", async () => {
    const house = openHouse();
    const big = Array.from({ length: 40 }, () => house.add({ appId: "app_big" }, () => ({ ms: 1_000, status: 200 })));
    for (const id of big) house.queue(id, 200);
    await house.pass(2_000, 100);
    const small = house.add({ appId: "app_small" }, () => ({ ms: 1_000, status: 200 }));
    house.queue(small, 40);
    await house.pass(2_000, 100);
    expect(house.begun(small).length).toBe(40);
    // Webhooks of one app are served alike.
    const before = house.attempts.length;
    await house.pass(4_000, 100);
    const served = big.map((id) => house.attempts.slice(before).filter(({ webhookId }) => webhookId === id).length);
    expect(Math.max(...served) / Math.min(...served)).toBeLessThan(1.5);
  });

  test("no second has more requests than a webhook takes", async () => {
    const house = openHouse();
    const id = house.add({ maxPerSecond: 40 }, ok);
    house.queue(id, 200);
    await house.pass(6_000, 10);
    const at = house.begun(id).map((one) => one.at);
    expect(at).toHaveLength(200);
    for (const begin of at)
      expect(at.filter((one) => one >= begin && one < begin + 1_000).length).toBeLessThanOrEqual(40);
    expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeLessThan(5_500);
  });

  test("who was failing before this process began has one hand until he is good", async () => {
    const house = openHouse();
    const id = house.add({ failingSince: 1 }, () => ({ ms: 1_000, status: 200 }));
    house.queue(id, 10);
    await house.pass(500, 100);
    expect(house.openOf(id)).toBe(1);
    await house.pass(1_000, 100);
    expect(house.openOf(id)).toBe(9);
    expect(house.webhooks.get(id)?.failingSince).toBeNull();
  });
});

describe("claims", () => {
  test("outcomes that come together are written together", async () => {
    const house = openHouse();
    const id = house.add({ maxConcurrency: 100 }, () => ({ ms: 1_000, status: 200 }));
    house.queue(id, 100);
    await house.pass(1_020, 10);
    expect(house.states(id)).toEqual({ delivered: 100 });
    const writes = house.calls.filter(({ name }) => name === "settle");
    expect(writes.length).toBeLessThanOrEqual(3);
    expect(house.calls.filter(({ name }) => name === "due").length).toBeLessThanOrEqual(6);
  });

  test("hold for as long as the work takes, so that nobody else takes it", async () => {
    const house = openHouse();
    const id = house.add({ maxConcurrency: 1, maxPerSecond: 1 }, (nth) => ({
      ms: nth === 0 ? 14_000 : 100,
      status: 200,
    }));
    house.queue(id, 20);
    for (let passed = 0; passed < 40; passed += 1) {
      await house.pass(1_000);
      const leases = [...house.rows.values()].filter(({ state }) => state === "delivering");
      expect(leases.every(({ leaseUntil }) => leaseUntil > house.clock.now())).toBe(true);
    }
    expect(house.states(id)).toEqual({ delivered: 20 });
    expect(house.attempts).toHaveLength(20);
  });

  test("of this process's name from before are over at its first step", async () => {
    const house = openHouse();
    const id = house.add();
    const leaseUntil = house.clock.now() + 30_000;
    const [mine] = house.queue(id, 1, { state: "delivering", owner: "me", epoch: 4, leaseUntil, nextAttemptAt: null });
    const [other] = house.queue(id, 1, {
      state: "delivering",
      owner: "you",
      epoch: 4,
      leaseUntil,
      nextAttemptAt: null,
    });
    await house.pass(10);
    expect(mine).toMatchObject({ state: "delivered", epoch: 5 });
    expect(other).toMatchObject({ state: "delivering", epoch: 4 });
    await house.pass(31_000, 1_000);
    expect(other?.state).toBe("delivered");
    expect(house.calls.filter(({ name }) => name === "abandon")).toHaveLength(1);
  });

  test("a database that is away for a while costs no outcome and no second delivery", async () => {
    const house = openHouse();
    const id = house.add({ maxConcurrency: 2 }, () => ({ ms: 1_000, status: 200 }));
    house.queue(id, 6);
    await house.pass(500);
    house.world.isAway = true;
    await house.pass(60_000, 500);
    expect(house.attempts.length).toBeLessThanOrEqual(6);
    house.world.isAway = false;
    await house.pass(20_000, 100);
    expect(house.states(id)).toEqual({ delivered: 6 });
    expect(new Set(house.attempts.map(({ eventId }) => eventId)).size).toBe(house.attempts.length);
  });

  test("stopping begins nothing more, gives back what waits, and waits for what is under way", async () => {
    const house = openHouse();
    const id = house.add({ maxConcurrency: 2 }, (nth) => ({ ms: nth < 2 ? 10 : 1_000, status: 200 }));
    house.queue(id, 30);
    await house.pass(20, 10);
    expect(house.states(id)["delivering"]).toBeGreaterThan(4);
    let isOver = false;
    const stopped = house.deliverer.stop().then(() => (isOver = true));
    await house.clock.advance(500);
    expect(isOver).toBe(false);
    expect(house.states(id)).toEqual({ delivered: 2, delivering: 2, pending: 26 });
    await house.clock.advance(500);
    await stopped;
    expect(house.states(id)).toEqual({ delivered: 4, pending: 26 });
    expect([...house.rows.values()].filter(({ attemptCount }) => attemptCount === 0)).toHaveLength(26);
    expect([...house.rows.values()].every(({ deaths, leaseUntil }) => deaths + leaseUntil === 0)).toBe(true);
  });
});

describe("receivers", () => {
  test("one that asks for it is left alone, and no other delivery loses a try by that", async () => {
    const house = openHouse();
    const id = house.add({ maxConcurrency: 1 }, (nth) =>
      nth === 3 ? { ms: 1, status: 429, retryAfterMs: 60_000 } : { ms: 1, status: 200 },
    );
    house.queue(id, 10);
    await house.pass(59_000, 500);
    expect(house.begun(id)).toHaveLength(4);
    expect(house.states(id)).toEqual({ delivered: 3, pending: 7 });
    expect([...house.rows.values()].filter(({ tries, state }) => tries > 0 && state === "pending")).toHaveLength(1);
    await house.pass(10_000, 500);
    expect(house.states(id)).toEqual({ delivered: 10 });
  });

  test("one that is gone is sent nothing more, and its app is told", async () => {
    const house = openHouse();
    const id = house.add({ maxConcurrency: 1 }, () => ({ ms: 1, status: 410 }));
    house.queue(id, 5);
    await house.pass(1_000, 10);
    expect(house.begun(id)).toHaveLength(1);
    expect(house.webhooks.get(id)?.disabledBecause).toBe("gone");
    expect(house.states(id)).toEqual({ failed: 1, pending: 4 });
    expect(house.disabled).toEqual([
      expect.objectContaining({
        type: "webhook.disabled",
        appId: "app_a",
        accountId: "",
        data: { webhookId: id, url: "https://receiver.example/hook", reason: "gone", failingSince: expect.any(String) },
      }),
    ]);
    house.receive(id, ok);
    house.change(id, { disabledBecause: null, version: 3 });
    house.wake.wake("deliveries", "app_a");
    await house.pass(1_000, 10);
    expect(house.states(id)).toEqual({ failed: 1, delivered: 4 });
  });

  test("one that has failed for five days is disabled, once; a single success begins them anew", async () => {
    const house = openHouse();
    const dead = house.add({}, () => ({ ms: 1, status: 500 }));
    const goodAt = house.clock.now() + 2.5 * days;
    const shaky = house.add({}, (_, at) => ({ ms: 1, status: at >= goodAt && at < goodAt + 3_600_000 ? 200 : 500 }));
    let disabledAfter = 0;
    for (let hours = 0; hours < 130; hours += 1) {
      house.queue(dead);
      house.queue(shaky);
      await house.pass(3_600_000, 600_000);
      if (house.webhooks.get(dead)?.disabledBecause === null) disabledAfter = hours + 1;
    }
    expect([119, 120, 121]).toContain(disabledAfter);
    expect(house.webhooks.get(dead)?.disabledBecause).toBe("failing");
    expect(house.webhooks.get(shaky)?.disabledBecause).toBeNull();
    expect(house.disabled.map(({ data }) => [data["webhookId"], data["reason"]])).toEqual([[dead, "failing"]]);
  });

  test("what was found out while the database was away is noted afterwards", async () => {
    const house = openHouse();
    const id = house.add({ maxConcurrency: 1 }, () => ({ ms: 1_000, status: 410 }));
    house.queue(id, 3);
    await house.pass(500);
    house.world.isAway = true;
    await house.pass(10_000, 500);
    house.world.isAway = false;
    await house.pass(10_000, 500);
    expect(house.webhooks.get(id)?.disabledBecause).toBe("gone");
    expect(house.begun(id)).toHaveLength(1);
  });
});
