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
