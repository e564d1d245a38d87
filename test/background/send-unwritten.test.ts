import { describe, expect, test } from "vitest";
import { openHouse, people } from "./sending-house.ts";

const minute = 60_000;
const after = (ms: number) => () => ({ ms });

/** An account whose server has been fast so far, so that three of its messages are under way at once. */
async function provenHouse(ms = 10) {
  const house = openHouse();
  const id = house.account({}, after(ms));
  house.queue(id);
  await house.pass(2 * ms, ms / 2);
  return { house, id };
}

describe("one row that can't be written", () => {
  test("before its dot is not sent, and holds back no other's dot", async () => {
    const { house, id } = await provenHouse();
    const [bad, ...others] = house.queue(id, 3);
    house.world.unwritable.add(bad?.id ?? "");
    house.world.beforeDot = (dotted) => {
      // After that it can be.
      if (dotted === bad?.id) setImmediate(() => setImmediate(() => house.world.unwritable.clear()));
    };
    await house.pass(200, 5);
    expect(Math.max(...house.sizes("commit"))).toBe(3);
    expect(others.map(({ state }) => state)).toEqual(["sent", "sent"]);
    expect(house.dots.some((dot) => dot.id === bad?.id)).toBe(false);
    expect(bad).toMatchObject({ state: "queued", attempts: 1, lastError: { code: "internal" } });
  });

  test("after its dot is uncertain in the end, and takes no other with it", async () => {
    const { house, id } = await provenHouse();
    const [bad, ...others] = house.queue(id, 3);
    house.world.beforeDot = (dotted) => {
      if (dotted === bad?.id) setImmediate(() => setImmediate(() => house.world.unwritable.add(dotted)));
    };
    await house.pass(200, 5);
    expect(Math.max(...house.sizes("settle"))).toBe(3);
    expect(others.map(({ state }) => state)).toEqual(["sent", "sent"]);
    expect(bad?.state).toBe("committing");
    expect(house.logged.map(({ event }) => event)).toContain("submission.unsettled");
    house.world.unwritable.clear();
    await house.pass(minute, 1_000);
    expect(bad?.state).toBe("uncertain");
    expect(house.dots).toHaveLength(4);
  });
});

describe("while outcomes can't be written", () => {
  test("no more is claimed, and what is held is kept, so that nobody has to find out what is known", async () => {
    const { house, id } = await provenHouse(100);
    house.queue(id, 500);
    await house.pass(1_000, 50);
    house.world.failsOnly = "settle";
    await house.pass(1_000, 50);
    const claims = house.sizes("claim due").length;
    for (let passed = 0; passed < 2 * minute; passed += 500) {
      await house.pass(500);
      const held = [...house.rows.values()].filter(({ state }) => state === "committing");
      expect(held.filter(({ leaseUntil }) => leaseUntil <= house.clock.now())).toEqual([]);
    }
    expect(house.sizes("claim due")).toHaveLength(claims);
    house.world.failsOnly = null;
    await house.pass(2 * minute, 100);
    expect(house.states(id)).toEqual({ sent: 501 });
    expect(house.dots).toHaveLength(501);
  });
});

describe("an attempt that was cut short by us", () => {
  test("is told to nobody, the second time neither", async () => {
    const { house, id } = await provenHouse();
    house.world.failsOnly = "commit";
    const [row] = house.queue(id, 1, { attempts: 3, recipients: people("bob", "carol") });
    await house.pass(1_000, 10);
    expect(row).toMatchObject({
      state: "queued",
      attempts: 3,
      recipients: [{ state: "pending" }, { state: "pending" }],
    });
    expect(house.events.map(({ type }) => type)).toEqual(["submission.sent"]);
    house.world.failsOnly = null;
    await house.pass(6_000, 100);
    expect(row).toMatchObject({ state: "sent", attempts: 4 });
  });
});

describe("claims that fail", () => {
  test("are asked for again", async () => {
    const house = openHouse();
    const id = house.account({}, after(10));
    house.world.failsOnly = "claim due";
    house.queue(id, 3);
    await house.pass(10_000, 1_000);
    house.world.failsOnly = null;
    await house.pass(2_000, 100);
    expect(house.states(id)).toEqual({ sent: 3 });
  });
});

describe("claims whose account can't be read", () => {
  test("are given back, and not left to run out", async () => {
    const { house, id } = await provenHouse();
    house.world.failsOnly = "byId";
    const [row] = house.queue(id);
    await house.pass(100, 10);
    expect(house.sizes("claim due").length).toBeGreaterThan(1);
    house.world.failsOnly = null;
    await house.pass(2_000, 100);
    expect(row).toMatchObject({ state: "sent", attempts: 1 });
  });
});

describe("a message that waits, claimed, behind slow ones", () => {
  test("is not begun once its time is over", async () => {
    const house = openHouse();
    const id = house.account({}, after(2_000));
    const deliverBefore = house.clock.now() + 9_000;
    house.queue(id, 40, { deliverBefore });
    await house.pass(minute, 100);
    expect(house.begun.filter(({ at }) => at >= deliverBefore)).toEqual([]);
    const failed = [...house.rows.values()].filter(({ state }) => state === "failed");
    expect(failed.length).toBe(40 - house.dots.length);
    expect(failed.every(({ attempts, warnings }) => attempts === 0 && warnings.includes("expired"))).toBe(true);
  });
});
