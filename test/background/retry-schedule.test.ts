import { expect, test } from "vitest";
import { nextAttempt } from "../../src/background/retry-schedule.ts";

const minute = 60_000;
const day = 1440 * minute;

test("waits longer each time, up to four hours", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 50].map((attempts) => (nextAttempt(attempts, 0, 3 * day, 0.5) ?? 0) / minute);
  expect(waits).toEqual([1, 5, 15, 30, 60, 120, 240, 240, 240]);
});

test("spreads by a fifth to both sides", () => {
  expect(nextAttempt(3, 0, 3 * day, 0)).toBe(12 * minute);
  expect(nextAttempt(3, 0, 3 * day, 1)).toBe(18 * minute);
});

test("tries once more shortly before the message expires, and then no more", () => {
  const deliverBefore = day;
  const last = nextAttempt(9, day - 10 * minute, deliverBefore, 0.5);
  expect(last).toBe(day - minute / 2);
  expect(nextAttempt(10, last ?? 0, deliverBefore, 0.5)).toBeNull();
});

test("comes back when the server asked for it, unless that is too late", () => {
  expect(nextAttempt(1, 0, day, 0.5, 600 * minute)).toBe(600 * minute);
  expect(nextAttempt(1, 0, day, 0.5, 2 * day)).toBeNull();
});
