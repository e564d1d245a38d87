import { describe, expect, test } from "vitest";
import type { DeliveryAttempt } from "../../src/mail/webhook.ts";
import type { DeliveryRow } from "../../src/store/webhook-rows.ts";
import { outcomeOf } from "../../src/webhooks/outcome.ts";
import { deliveryRow } from "./rows.ts";

const now = Date.parse("2026-11-23T10:00:00Z");

const answered = (status: number | null): DeliveryAttempt => ({
  at: now - 30,
  durationMs: 30,
  status,
  error: status === null ? { code: "upstream-timeout", detail: "…" } : null,
  excerpt: status === null ? null : "",
});

const outcome = (status: number | null, retryAfterMs: number | null = null, change: Partial<DeliveryRow> = {}) =>
  outcomeOf(deliveryRow(change), { attempt: answered(status), retryAfterMs }, { now, random: 0.5 });

describe("an attempt", () => {
  test.each([200, 201, 202, 204, 299])("that is answered %d has delivered", (status) => {
    expect(outcome(status, 60_000)).toEqual({
      settled: {
        id: "dlv_1",
        state: "delivered",
        tries: 1,
        attemptCount: 1,
        attempts: [answered(status)],
        nextAttemptAt: null,
        finishedAt: now,
      },
      receiver: "good",
      holdUntil: null,
    });
  });

  test.each([null, 199, 300, 301, 304, 307, 400, 401, 404, 429, 500, 503, 599])(
    "that is answered %s is made again",
    (status) => {
      expect(outcome(status)).toMatchObject({
        settled: { state: "pending", tries: 1, nextAttemptAt: now + 5_000, finishedAt: null },
        receiver: "failed",
        holdUntil: null,
      });
    },
  );

  test("that is answered 410 is the last", () => {
    expect(outcome(410, 60_000)).toMatchObject({
      settled: { state: "failed", nextAttemptAt: null, finishedAt: now },
      receiver: "gone",
      holdUntil: null,
    });
  });
});

describe("Retry-After", () => {
  test.each([429, 503])("of a %d holds the delivery and its webhook", (status) => {
    expect(outcome(status, 60_000)).toMatchObject({
      settled: { nextAttemptAt: now + 60_000 },
      holdUntil: now + 60_000,
    });
  });

  test("of another failure holds the delivery only", () => {
    expect(outcome(500, 60_000)).toMatchObject({ settled: { nextAttemptAt: now + 60_000 }, holdUntil: null });
  });

  test("that is sooner than the schedule changes nothing for the delivery", () => {
    expect(outcome(503, 0)).toMatchObject({ settled: { nextAttemptAt: now + 5_000 }, holdUntil: now });
  });
});

test("ten tries are all, whatever was tried before it was asked for again", () => {
  expect(outcome(500, null, { tries: 8, attemptCount: 19 }).settled).toMatchObject({
    state: "pending",
    tries: 9,
    attemptCount: 20,
  });
  expect(outcome(500, 60_000, { tries: 9, attemptCount: 19 }).settled).toMatchObject({
    state: "failed",
    tries: 10,
    nextAttemptAt: null,
    finishedAt: now,
  });
});

test("a test is tried once", () => {
  const change = { testEvent: "{}" };
  expect(outcome(500, 60_000, change).settled).toMatchObject({ state: "failed", nextAttemptAt: null, finishedAt: now });
  expect(outcome(200, null, change).settled.state).toBe("delivered");
});

test("the last twenty attempts are kept", () => {
  const attempts = Array.from({ length: 20 }, (_, at) => ({ ...answered(500), at }));
  const { settled } = outcome(200, null, { attempts, attemptCount: 57 });
  expect(settled.attemptCount).toBe(58);
  expect(settled.attempts).toEqual([...attempts.slice(1), answered(200)]);
});
