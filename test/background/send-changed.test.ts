import { describe, expect, test } from "vitest";
import { openHouse, refusal } from "./sending-house.ts";

const minute = 60_000;

describe("an account that is changed while its messages go out", () => {
  test("has its next ones go over a connection for its new login", async () => {
    const house = openHouse();
    const id = house.account({}, () => ({ ms: 1_000 }));
    house.queue(id, 60);
    await house.pass(10_000, 100);
    const before = house.lent.ever;
    await house.pass(3_000, 100);
    expect(house.lent.ever).toBe(before);
    house.alter(id, { sealedOutgoingPassword: "another" });
    await house.pass(5_000, 100);
    expect(house.lent.ever).toBeGreaterThan(before);
    await house.pass(minute, 100);
    expect(house.states(id)).toEqual({ sent: 60 });
    expect(house.lent).toMatchObject({ now: 0, discarded: 0 });
  });

  test("and whose server was away is tried as soon as that is seen, whatever the old one was left alone for", async () => {
    const house = openHouse();
    const id = house.account({}, () => ({ ms: 1, fail: refusal("upstream-unreachable", 0, "connect") }));
    house.queue(id, 50);
    await house.pass(10 * minute, 1_000);
    const tried = house.begunOf(id).length;
    while (house.begunOf(id).length === tried) await house.pass(1_000);
    house.serve(id, () => ({ ms: 1 }));
    house.alter(id, { sealedOutgoingPassword: "another" });
    await house.pass(32_000, 1_000);
    expect(house.dotsOf(id).length).toBeGreaterThan(10);
  });
});

test("a connection that failed is lent to nobody any more", async () => {
  const house = openHouse();
  const id = house.account({}, (nth) =>
    nth === 0 ? { ms: 1, fail: refusal("upstream-timeout", 0, "DATA") } : { ms: 1 },
  );
  house.queue(id, 3);
  await house.pass(2 * minute, 500);
  expect(house.states(id)).toEqual({ sent: 3 });
  expect(house.lent).toMatchObject({ now: 0, discarded: 1 });
});
