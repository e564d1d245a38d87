import { expect, test } from "vitest";
import { createReceivers, hasNews, isBlocked, learn, type Held } from "../../src/background/receivers.ts";
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
