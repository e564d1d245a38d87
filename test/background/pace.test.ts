import { expect, test } from "vitest";
import { inRate, mustWait, pace } from "../../src/background/pace.ts";
import { outgoing } from "./sending-house.ts";

test.each([1, 2, 30, 61, 6_000])("%i a minute: no minute has more, and it gets close", (perMinute) => {
  const sender = { account: { outgoing: outgoing("mail.example", perMinute) }, beginsFrom: 0 };
  const begun: number[] = [];
  let wrong = 0;
  for (let now = 1_000_000; now < 1_000_000 + 180_000; now += 5) {
    while (!mustWait(sender, now)) {
      if (inRate(sender, now) < 1) wrong += 1;
      pace(sender, now);
      begun.push(now);
    }
    if (inRate(sender, now) > 0) wrong += 1;
  }
  expect(wrong).toBe(0);
  let first = 0;
  for (const [n, at] of begun.entries()) {
    while ((begun[first] ?? 0) <= at - 60_000) first += 1;
    wrong = Math.max(wrong, n - first + 1);
  }
  expect(wrong).toBeLessThanOrEqual(perMinute);
  expect(begun.length).toBeGreaterThanOrEqual(perMinute * 2.7);
});

test("without a rate nothing waits; a clock that was set back makes nobody wait", () => {
  const free = { account: { outgoing: outgoing("mail.example") }, beginsFrom: 0 };
  pace(free, 5);
  expect([mustWait(free, 5), inRate(free, 5)]).toEqual([false, Infinity]);
  const back = { account: { outgoing: outgoing("mail.example", 1) }, beginsFrom: 10_000_000 };
  expect(mustWait(back, 1_000)).toBe(false);
});

test.each([1, 2, 30, 6_000])("%i a minute of three processes: each has its part of it", (perMinute) => {
  const fleet = { live: () => 3 };
  const sender = { account: { outgoing: outgoing("mail.example", perMinute) }, beginsFrom: 0, fleet };
  const start = 1_000_000;
  const begun: number[] = [];
  for (let now = start; now < start + 600_000; now += 5)
    while (!mustWait(sender, now)) {
      expect(inRate(sender, now)).toBeGreaterThanOrEqual(1);
      pace(sender, now);
      begun.push(now);
    }
  const [first = 0] = begun;
  expect(begun.filter((at) => at < first + 60_000).length).toBeLessThanOrEqual(Math.max(1, perMinute / 3));
  expect(begun.length).toBeGreaterThanOrEqual((perMinute / 3) * 9);
  expect(begun.length).toBeLessThanOrEqual((perMinute / 3) * 10 + 1);
});
