import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { hasLasted } from "../../src/background/note-receiver.ts";
import { openHouse } from "./delivery-house.ts";

const days = 86_400_000;
const hours = 3_600_000;

/** A webhook that was quick, so that much is claimed ahead, and then takes its time: what waits has to wait for long. */
async function claimedAhead() {
  const house = openHouse();
  let ms = 1;
  const id = house.add({}, () => ({ ms, status: 204 }));
  house.queue(id, 60);
  await house.pass(200, 1);
  ms = 10_000;
  house.queue(id, 400);
  await house.pass(50, 1);
  expect(house.states(id)["delivering"]).toBe(200);
  const before = house.attempts.length;
  const remove = () => {
    for (const [key, row] of house.rows) if (row.webhookId === id) house.rows.delete(key);
  };
  return { house, id, remove, later: () => house.attempts.slice(before) };
}

describe("what was claimed ahead", () => {
  test("is not begun once its webhook is disabled, and waits", async () => {
    const { house, id, later } = await claimedAhead();
    house.change(id, { disabledBecause: "caller", version: 2 });
    await house.pass(60_000, 500);
    expect(later()).toEqual([]);
    expect(Object.keys(house.states(id)).toSorted()).toEqual(["delivered", "pending"]);
    expect([...house.rows.values()].filter((row) => row.attemptCount > 1)).toEqual([]);
  });

  test("is not begun once its webhook is gone", async () => {
    const { house, id, remove, later } = await claimedAhead();
    house.webhooks.delete(id);
    remove();
    await house.pass(60_000, 500);
    expect(later()).toEqual([]);
  });

  test("is not begun once its account is deleted, while other accounts' is", async () => {
    const { house, id, remove, later } = await claimedAhead();
    remove();
    const [other] = house.queue(id);
    await house.pass(60_000, 500);
    expect(later().map(({ eventId }) => eventId)).toEqual([other?.eventId]);
  });

  test("goes to where the webhook leads now", async () => {
    const { house, id, later } = await claimedAhead();
    house.change(id, { url: "https://new.example/", version: 2 });
    await house.pass(300_000, 500);
    expect(new Set(later().map(({ url }) => url))).toEqual(new Set(["https://new.example/"]));
    expect(house.states(id)).toEqual({ delivered: 460 });
  });

  test("is confirmed once a second, many at once, and not while it flows", async () => {
    const house = openHouse();
    const id = house.add({}, () => ({ ms: 10, status: 204 }));
    house.queue(id, 1_000);
    await house.pass(3_000, 10);
    expect(house.states(id)).toEqual({ delivered: 1_000 });
    expect(house.calls.filter(({ name }) => name === "confirm").length).toBeLessThanOrEqual(3);
  });

  test("waits for a database that is away, and then begins", async () => {
    const { house, id } = await claimedAhead();
    house.world.isAway = true;
    await house.pass(60_000, 500);
    house.world.isAway = false;
    await house.pass(400_000, 500);
    expect(house.states(id)).toEqual({ delivered: 460 });
    expect(new Set(house.attempts.map(({ eventId }) => eventId)).size).toBe(house.attempts.length);
  });
});

describe("claims that ran out", () => {
  test("go on where nobody else took them, and are dropped where somebody did", async () => {
    const house = openHouse();
    const id = house.add({ maxConcurrency: 1 }, () => ({ ms: 200, status: 204 }));
    house.queue(id, 4);
    await house.pass(500, 10);
    const claimed = [...house.rows.values()].filter(({ state }) => state === "delivering");
    expect(claimed.length).toBeGreaterThan(1);
    const [taken] = claimed.slice(-1);
    Object.assign(taken ?? {}, { epoch: 9, owner: "another", leaseUntil: house.clock.now() + 9 * hours });
    // The whole process stood still.
    await house.clock.advance(120_000);
    await house.pass(10_000, 100);
    expect(house.states(id)).toEqual({ delivered: 3, delivering: 1 });
    expect(house.begun(id).map(({ eventId }) => eventId)).not.toContain(taken?.eventId);
    expect([...house.rows.values()].map(({ deaths }) => deaths)).toEqual([0, 0, 0, 0]);
  });
});

describe("of a webhook that was narrowed", () => {
  test("what waits for other accounts fails and is not sent", async () => {
    const house = openHouse();
    const id = house.add({ accountIds: ["acc_a", "acc_b"] });
    house.change(id, { disabledBecause: "caller", version: 2 });
    const [ours] = house.queue(id, 1, { accountId: "acc_a" });
    const [theirs] = house.queue(id, 1, { accountId: "acc_b" });
    const [ofNone] = house.queue(id, 1, { accountId: "" });
    house.change(id, { accountIds: ["acc_a"], disabledBecause: null, version: 3 });
    await house.pass(100, 10);
    expect(house.begun(id).map(({ eventId }) => eventId)).toEqual([ours?.eventId]);
    const detail = "The webhook no longer names the account that this event is about.";
    for (const row of [theirs, ofNone])
      expect(row).toMatchObject({
        state: "failed",
        attempts: [{ status: null, error: { code: "not-found", detail } }],
      });
    expect(house.webhooks.get(id)?.failingSince).toBeNull();
  });
});

describe("a change that is read before a second has passed", () => {
  test("counts at once for what waits", async () => {
    const house = openHouse();
    let ms = 1;
    const id = house.add({ accountIds: ["acc_a", "acc_b"] }, () => ({ ms, status: 204 }));
    house.queue(id, 60, { accountId: "acc_b" });
    await house.pass(200, 1);
    ms = 50;
    house.queue(id, 100, { accountId: "acc_b" });
    await house.pass(10, 1);
    expect(house.states(id)).toEqual({ delivered: 60, delivering: 100 });
    const before = house.attempts.length;
    house.change(id, { accountIds: ["acc_a"], version: 2 });
    const [ours] = house.queue(id, 1, { accountId: "acc_a" });
    await house.pass(900, 10);
    expect(house.attempts.slice(before).map(({ eventId }) => eventId)).toEqual([ours?.eventId]);
    expect(house.states(id)).toEqual({ delivered: 81, failed: 80 });
  });
});

describe("the answer to a request from before a change", () => {
  test("that ends when the change is known leaves the new receiver all its hands", async () => {
    const house = openHouse();
    const id = house.add({}, () => ({ ms: 5_000, status: 500 }));
    house.queue(id, 6);
    await house.pass(1_000, 100);
    house.change(id, { url: "https://new.example/", version: 2 });
    house.receive(id, () => ({ ms: 1_000, status: 204 }));
    house.queue(id);
    await house.pass(5_000, 100);
    house.queue(id, 20);
    await house.pass(100, 10);
    expect(house.openOf(id)).toBe(20);
  });

  test.each([
    ["holds", { status: 503, retryAfterMs: days }],
    ["says that it is gone", { status: 410 }],
  ])("that %s is not the new receiver's", async (_, answer) => {
    const house = openHouse();
    const id = house.add({}, () => ({ ms: 5_000, ...answer }));
    house.queue(id, 6);
    await house.pass(1_000, 100);
    house.change(id, { url: "https://new.example/", version: 2, failingSince: null, holdUntil: 0 });
    house.receive(id, () => ({ ms: 1, status: 204 }));
    house.wake.wake("deliveries", "app_a");
    await house.pass(5_000, 500);
    expect(house.webhooks.get(id)).toMatchObject({ failingSince: null, holdUntil: 0, disabledBecause: null });
    const added = house.queue(id, 30);
    await house.pass(100, 10);
    // Nor is it taken for one that fails, with one hand.
    expect(added.every(({ state }) => state === "delivered")).toBe(true);
    expect(house.mostOpen.get(id)).toBe(20);
  });
});

describe("five days of failures", () => {
  test("are not told from days without attempts and one failure after them", async () => {
    const house = openHouse();
    const id = house.add({}, () => ({ ms: 10, status: 500 }));
    house.queue(id);
    await house.pass(4 * days, 600_000);
    expect(house.states(id)).toEqual({ failed: 1 });
    await house.pass(2 * days, hours);
    house.receive(id, (nth) => ({ ms: 10, status: nth === 10 ? 500 : 204 }));
    house.queue(id, 3);
    await house.pass(60_000, 1_000);
    expect(house.webhooks.get(id)?.disabledBecause).toBeNull();
    expect(house.states(id)).toEqual({ failed: 1, delivered: 3 });
  });

  test("disable after such days too, once one event has failed for a day", async () => {
    const house = openHouse();
    const id = house.add({}, () => ({ ms: 10, status: 500 }));
    house.queue(id);
    await house.pass(6 * days, 600_000);
    house.queue(id);
    await house.pass(23 * hours, 600_000);
    expect(house.webhooks.get(id)?.disabledBecause).toBeNull();
    await house.pass(12 * hours, 600_000);
    expect(house.webhooks.get(id)?.disabledBecause).toBe("failing");
  });

  test("count tries of the schedule that runs, without a long break", () => {
    const at = 100 * days;
    const tried = (...ago: number[]) =>
      ago.map((ms) => ({ at: at - ms, durationMs: 1, status: 500, error: null, excerpt: null }));
    const lasted = (tries: number, ...ago: number[]) => hasLasted({ tries, attempts: tried(...ago) }, at);
    expect(lasted(0)).toBe(false);
    expect(lasted(1, 23 * hours)).toBe(false);
    expect(lasted(1, 24 * hours)).toBe(true);
    expect(lasted(2, 40 * hours, 20 * hours)).toBe(true);
    expect(lasted(1, 40 * hours)).toBe(false);
    // Those before it was asked for again are not of this schedule.
    expect(lasted(1, 30 * hours, 5_000)).toBe(false);
    expect(lasted(0, 30 * hours)).toBe(false);
  });
});

describe("our own trouble", () => {
  test("an outcome that can't be written holds up nothing for ever, whatever came before", async () => {
    const house = openHouse();
    const codes = ["storage-unavailable", "internal"] as const;
    const answers = [...codes];
    const { settle } = house.needs.deliveries;
    house.needs.deliveries.settle = async (outcomes) => {
      const code = answers.shift();
      if (code !== undefined) throw new Failure(code, "It can't be written.");
      return settle(outcomes);
    };
    const id = house.add();
    house.queue(id);
    await house.pass(5_000, 50);
    house.queue(id, 5);
    await house.pass(60_000, 1_000);
    expect(house.states(id)).toEqual({ delivered: 6 });
  });

  test("what was delivered stays ours while that can't be written: another process would deliver it again", async () => {
    const house = openHouse();
    const { settle } = house.needs.deliveries;
    house.needs.deliveries.settle = async () => {
      throw new Failure("storage-unavailable", "It can't be written.");
    };
    const id = house.add();
    house.queue(id);
    await house.pass(120_000, 1_000);
    expect([...house.rows.values()].every(({ leaseUntil }) => leaseUntil > house.clock.now())).toBe(true);
    house.needs.deliveries.settle = settle;
    await house.pass(60_000, 1_000);
    expect(house.states(id)).toEqual({ delivered: 1 });
    expect(house.attempts).toHaveLength(1);
  });

  test("what is held until it is sent is short, however long the event is", async () => {
    const house = openHouse();
    const id = house.add();
    const { claim } = house.needs.deliveries;
    const data = JSON.stringify({ id: "msg_1", subject: "x".repeat(100_000) });
    house.needs.deliveries.claim = async (...given) =>
      (await claim(...given)).map((one) => ({ ...one, event: one.event && { ...one.event, data } }));
    house.queue(id);
    await house.pass(100, 10);
    const [sent] = house.attempts;
    expect(sent?.body.length).toBeLessThanOrEqual(20_000);
    expect(JSON.parse(sent?.body ?? "")).toMatchObject({
      id: sent?.eventId,
      data: { id: "msg_1", truncated: ["subject"] },
    });
  });
});
