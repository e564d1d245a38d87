import { describe, expect, test } from "vitest";
import { nextDelivery } from "../../src/webhooks/next-delivery.ts";
import { readRetryAfter } from "../../src/webhooks/retry-after.ts";

const [s, m, h] = [1_000, 60_000, 3_600_000];
const now = Date.parse("2026-11-23T10:00:00Z");

describe("the schedule", () => {
  const steps = [5 * s, 5 * m, 30 * m, 2 * h, 5 * h, 10 * h, 14 * h, 20 * h, 24 * h].map((delay, at) => ({
    tries: at + 1,
    delay,
  }));

  test.each(steps)("after $tries tries", ({ tries, delay }) => {
    expect(nextDelivery(tries, now, 0.5, 0)).toBe(now + delay);
    expect(nextDelivery(tries, now, 0, 0)).toBe(now + delay * 0.9);
    expect(nextDelivery(tries, now, 1, 0)).toBe(now + delay * 1.1);
  });

  test("ends after ten tries", () => {
    expect(nextDelivery(10, now, 0.5, 0)).toBeNull();
    expect(nextDelivery(11, now, 0.5, now + h)).toBeNull();
  });

  test("is not earlier than asked for, nor later for what is sooner anyway", () => {
    expect(nextDelivery(1, now, 0.5, now + h)).toBe(now + h);
    expect(nextDelivery(3, now, 0.5, now + m)).toBe(now + 30 * m);
  });
});

describe("Retry-After", () => {
  test.each([
    ["0", 0],
    ["120", 120 * s],
    [" 7 ", 7 * s],
    ["86400", 24 * h],
    ["86401", 24 * h],
    ["9".repeat(400), 24 * h],
    ["Mon, 23 Nov 2026 10:05:00 GMT", 5 * m],
    ["Monday, 23-Nov-26 10:05:00 GMT", 5 * m],
    ["Mon Nov 23 10:05:00 2026", 5 * m],
    ["Wed, 23 Dec 2026 10:05:00 GMT", 24 * h],
    ["Sun, 22 Nov 2026 10:05:00 GMT", 0],
  ])("%s", (text, wait) => {
    expect(readRetryAfter(text, now)).toBe(wait);
  });

  test.each([
    "",
    "-5",
    "1.5",
    "0x10",
    "1e3",
    "5s",
    "soon",
    "∞",
    "Infinity",
    "2026-11-23T10:05:00Z",
    "Mon, 99 Nov 2026 10:05:00 GMT",
  ])("%j is none", (text) => {
    expect(readRetryAfter(text, now)).toBeNull();
  });

  test("may be absent", () => {
    expect(readRetryAfter(null, now)).toBeNull();
  });
});
