import { expect, test } from "vitest";
import { learn } from "../../src/background/learn-receiver.ts";
import { createReceivers, hasNews, isBlocked, type Held } from "../../src/background/receivers.ts";
import type { WebhookRow } from "../../src/store/webhook-rows.ts";
import { webhookRow } from "./delivery-house.ts";
import { testDeliveryRow } from "../store/rows.ts";

test.each([0, 5_000, 60_000, 3_600_000])(
  "a clock that is set back by %i ms stops no webhook that has a rate",
  (back) => {
    const receivers = createReceivers();
    const webhook = webhookRow({ maxPerSecond: 5 });
    const start = 1_790_000_000_000;
    const receiver = receivers.keep(webhook, 0, start);
    const waiting = Array.from({ length: 8 }, (): Held => {
      const delivery = testDeliveryRow(webhook);
      return { delivery, epoch: 1, body: "{}", receiver, leaseUntil: start + 60_000, confirmedAt: start };
    });
    receivers.put(receiver, waiting);
    expect(receivers.begin(start)).not.toBeNull();
    const now = start - back;
    // What was confirmed at a time to come is confirmed again.
    const asked = receivers.unconfirmed(now + 1_000);
    expect(asked.length).toBe(back === 0 ? 0 : 7);
    for (const one of waiting) one.confirmedAt = now + 1_000;
    let begun = 0;
    for (let ms = 1_000; ms < 2_000; ms += 10) if (receivers.begin(now + ms) !== null) begun += 1;
    expect(begun).toBeGreaterThanOrEqual(4);
    expect(begun).toBeLessThanOrEqual(5);
  },
);

test("several processes keep a webhook's concurrency and rate together", () => {
  let live = 3;
  const receivers = createReceivers({ live: () => live });
  const now = 1_790_000_000_000;
  const put = (webhook: WebhookRow) => {
    const receiver = receivers.keep(webhook, 0, now);
    const waiting = Array.from({ length: 40 }, (): Held => {
      const delivery = testDeliveryRow(webhook);
      return { delivery, epoch: 1, body: "{}", receiver, leaseUntil: now + 60_000, confirmedAt: now };
    });
    receivers.put(receiver, waiting);
    return receiver;
  };
  const begin = (at: number): number => {
    let begun = 0;
    while (receivers.begin(at) !== null) begun += 1;
    return begun;
  };
  const wide = put(webhookRow({ maxConcurrency: 10 }));
  expect(begin(now)).toBe(3);
  live = 1;
  expect(begin(now)).toBe(7);
  receivers.cut(wide, 0);
  live = 3;
  const narrow = put(webhookRow({ id: "whk_narrow", maxConcurrency: 1 }));
  expect(begin(now)).toBe(1);
  receivers.cut(narrow, 0);
  // One in three seconds is its part.
  const slow = put(webhookRow({ id: "whk_slow", maxConcurrency: 30, maxPerSecond: 1 }));
  const times = Array.from({ length: 70 }, (_, n) => now + n * 100).filter((at) => {
    for (const one of slow.waiting) one.confirmedAt = at;
    return begin(at) > 0;
  });
  expect(times.map((at) => at - now)).toEqual([0, 3_000, 6_000]);
});

test("a process claims as much at once among others as alone, of a webhook whose receiver is quick", () => {
  const now = 1_790_000_000_000;
  const wanted = (live: number, tookMs: number): number => {
    const receivers = createReceivers({ live: () => live });
    const receiver = receivers.keep(webhookRow({ maxConcurrency: 12 }), 0, now);
    receiver.tookMs = tookMs;
    return receivers.wanted(receiver);
  };
  expect([wanted(1, 5), wanted(3, 5)]).toEqual([120, 120]);
  // It is not to keep from the others what it does not get to soon.
  expect([wanted(1, 1_000), wanted(3, 1_000)]).toEqual([24, 8]);
});

test("what was found out is forgotten with the webhook that it was found out of", () => {
  const receivers = createReceivers();
  const now = 1_790_000_000_000;
  const before = webhookRow({});
  const receiver = receivers.keep(before, 0, now);
  const held = { receiver: "failed" as const, holdUntil: now + 60_000, at: now, tookMs: 5, lasting: false };
  learn(receiver, held, before);
  expect([hasNews(receiver), isBlocked(receiver, now)]).toEqual([true, true]);
  const after = { ...before, url: "https://new.example/", version: 2 };
  receivers.keep(after, 0, now);
  expect([hasNews(receiver), isBlocked(receiver, now)]).toEqual([false, false]);
  learn(receiver, held, before);
  expect([hasNews(receiver), isBlocked(receiver, now)]).toEqual([false, false]);
  learn(receiver, held, after);
  expect([hasNews(receiver), isBlocked(receiver, now)]).toEqual([true, true]);
});

test("where few requests may be under way at once, no more are begun, and each webhook has its turn", () => {
  const receivers = createReceivers(undefined, 4);
  const now = 1_790_000_000_000;
  for (const nth of [1, 2, 3, 4, 5, 6]) {
    const webhook = webhookRow({ id: `whk_${nth}`, maxConcurrency: 10 });
    const receiver = receivers.keep(webhook, 0, now);
    const waiting = Array.from({ length: 3 }, (): Held => {
      const delivery = testDeliveryRow(webhook);
      return { delivery, epoch: 1, body: "{}", receiver, leaseUntil: now + 60_000, confirmedAt: now };
    });
    receivers.put(receiver, waiting);
  }
  const begun: string[] = [];
  for (let next = receivers.begin(now); next !== null; next = receivers.begin(now))
    begun.push(next.receiver.webhook.id);
  expect(begun).toEqual(["whk_1", "whk_2", "whk_3", "whk_4"]);
  const first = receivers.all.get("whk_1");
  if (first === undefined) throw new Error("it is gone");
  receivers.end(first);
  expect(receivers.begin(now)?.receiver.webhook.id).toBe("whk_5");
  expect(receivers.begin(now)).toBe(null);
});
