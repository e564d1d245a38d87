import { expect, test } from "vitest";
import { createInProcessWake } from "../../src/background/in-process-wake.ts";
import { createFakeClock } from "../fake-clock.ts";

test("wakes who waits for the key or for any, and nobody else", async () => {
  const clock = createFakeClock();
  const wake = createInProcessWake(clock);
  const waits = [
    wake.wait("submission-final", "a", 1000),
    wake.wait("submission-final", "b", 1000),
    wake.wait("submission-final", null, 1000),
    wake.wait("submissions", "a", 1000),
  ];
  wake.wake("submission-final", "a");
  await clock.advance(1000);
  expect(await Promise.all(waits)).toEqual([true, false, true, false]);
});

test("a loop that was at work while it was woken does not sleep", async () => {
  const clock = createFakeClock();
  const wake = createInProcessWake(clock);
  wake.wake("submissions", "a");
  wake.wake("submissions", "b");
  expect(await wake.wait("submissions", null, 1000)).toBe(true);
  const next = wake.wait("submissions", null, 1000);
  await clock.advance(1000);
  expect(await next).toBe(false);
});

test("ends when the signal aborts, also when it had before", async () => {
  const wake = createInProcessWake(createFakeClock());
  const leave = new AbortController();
  const waiting = wake.wait("submissions", "a", 1000, leave.signal);
  leave.abort();
  expect(await waiting).toBe(false);
  expect(await wake.wait("submissions", null, 1000, leave.signal)).toBe(false);
});

test("a loop of two topics is woken by either, misses none, and takes nothing from who waits for a key", async () => {
  const clock = createFakeClock();
  const wake = createInProcessWake(clock);
  wake.wake("events", "a");
  wake.wake("deliveries", "a");
  const topics = ["deliveries" as const, "events" as const];
  expect(await wake.wait(topics, null, 1000)).toBe(true);
  const reader = wake.wait("events", "b", 1000);
  const loop = wake.wait(topics, null, 1000);
  wake.wake("events", "b");
  expect(await Promise.all([reader, loop])).toEqual([true, true]);
  wake.wake("deliveries", "c");
  expect(await wake.wait(topics, null, 1000)).toBe(true);
  const none = wake.wait(topics, null, 1000);
  await clock.advance(1000);
  expect(await none).toBe(false);
});

test("what lies further ahead than a loop looks by itself wakes nobody", async () => {
  const clock = createFakeClock();
  const wake = createInProcessWake(clock);
  wake.wake("submissions", "a", clock.now() + 5_001);
  const waiting = wake.wait("submissions", null, 5_000);
  await clock.advance(5_000);
  expect(await waiting).toBe(false);
  wake.wake("submissions", "a", clock.now() + 5_000);
  expect(await wake.wait("submissions", null, 5_000)).toBe(true);
});
