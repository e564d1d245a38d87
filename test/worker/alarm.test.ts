import { expect, test } from "vitest";
import { createAlarm, type Step } from "../../src/worker/alarm.ts";
import { createFakeClock } from "../fake-clock.ts";

/** An object with its storage; `done` are the times of its steps, since its start. */
function object(steps: Step[] | (() => Promise<never>), lingerMs = 10_000) {
  const clock = createFakeClock(1_000_000);
  const start = clock.now();
  const kept = { alarm: null as number | null, isEmpty: false };
  const logged: string[] = [];
  const storage = {
    get: async () => undefined,
    put: async () => {},
    setAlarm: async (at: number) => void (kept.alarm = at - start),
    deleteAlarm: async () => void (kept.alarm = null),
    deleteAll: async () => void (kept.isEmpty = true),
  };
  const log = { write: (_level: string, event: string) => void logged.push(event) };
  const open = typeof steps === "function" ? steps : async () => ({ steps, lingerMs });
  return { clock, start, kept, logged, alarm: createAlarm({ storage, clock, log }, open) };
}

const never: Step = async () => ({ nextAt: null });

test("the alarm is set before anything is begun, so that it rings again when the object dies at work", async () => {
  const { alarm, clock, kept } = object([() => new Promise(() => {})]);
  void alarm.ring();
  await clock.advance(0);
  expect(kept.alarm).toBe(60_000);
});

test("it is set to when the first of all steps is due next", async () => {
  const at = (ms: number): Step => {
    return async () => ({ nextAt: one.start + ms });
  };
  const one = object([never, at(90_000), at(70_000)]);
  await one.alarm.ring();
  expect(one.kept).toEqual({ alarm: 70_000, isEmpty: false });
});

test("with nothing due nothing is left of the object", async () => {
  const { alarm, kept } = object([never, never]);
  await alarm.ring();
  expect(kept).toEqual({ alarm: null, isEmpty: true });
});

test("a step that fails is told, holds up no other, and is tried again", async () => {
  let others = 0;
  const failing: Step = () => Promise.reject(new Error("the database is away"));
  const { alarm, kept, logged } = object([failing, async () => ({ nextAt: (others += 1) > 0 ? null : 0 })]);
  await alarm.ring();
  expect([others, kept.alarm, logged]).toEqual([1, 15_000, ["alarm.failed"]]);
});

test("what can't be opened is tried again", async () => {
  const { alarm, kept, logged } = object(() => Promise.reject(new Error("no secret")));
  await alarm.ring();
  expect([kept.alarm, logged]).toEqual([15_000, ["alarm.failed"]]);
});

test("what is due soon is waited for, and the work ends in less than a minute", async () => {
  const times: number[] = [];
  const one = object([
    async () => {
      times.push(one.clock.now() - one.start);
      return { nextAt: one.clock.now() + 7_000 };
    },
  ]);
  const ringing = one.alarm.ring();
  await one.clock.advance(0);
  for (let second = 0; second < 60; second += 1) await one.clock.advance(1_000);
  await ringing;
  expect(times).toEqual([0, 7_000, 14_000, 21_000, 28_000, 35_000, 42_000, 49_000, 50_000]);
  expect(one.kept.alarm).toBe(57_000);
});

test("a call during the work is work at once, but not before its time", async () => {
  const times: number[] = [];
  const one = object([
    async () => {
      const now = one.clock.now();
      times.push(now - one.start);
      return times.length < 3 ? { nextAt: now + 8_000, notBefore: now + 2_000 } : { nextAt: null };
    },
  ]);
  const ringing = one.alarm.ring();
  await one.clock.advance(0);
  await one.alarm.call();
  await one.clock.advance(1_000);
  expect(times).toEqual([0]);
  await one.clock.advance(1_000);
  expect(times).toEqual([0, 2_000]);
  await one.clock.advance(5_000);
  await one.alarm.call();
  await ringing;
  expect(times).toEqual([0, 2_000, 7_000]);
  expect(one.kept.alarm).toBe(null);
});

test("a call while a step is at work is not lost", async () => {
  let steps = 0;
  const one = object([
    async () => {
      steps += 1;
      if (steps === 1) await one.alarm.call();
      return { nextAt: null };
    },
  ]);
  const ringing = one.alarm.ring();
  await one.clock.advance(0);
  await one.clock.advance(100);
  await ringing;
  expect([steps, one.kept.alarm]).toEqual([2, null]);
});

test("a call to an object at rest lets it ring", async () => {
  const { alarm, kept } = object([never]);
  await alarm.call();
  expect(kept.alarm).toBe(0);
});

test.each(Array.from({ length: 16 }, (_, hops) => hops))(
  "a call %i turns after the work began is not lost",
  async (hops) => {
    let steps = 0;
    const one = object([async () => ({ nextAt: (steps += 1) > 0 ? null : 0 })]);
    const ringing = one.alarm.ring();
    for (let hop = 0; hop < hops; hop += 1) await Promise.resolve();
    const before = steps;
    await one.alarm.call();
    for (let second = 0; second < 3; second += 1) await one.clock.advance(1_000);
    await ringing;
    // It was worked off, or the alarm rings for it.
    expect(steps > before || one.kept.alarm !== null).toBe(true);
  },
);
