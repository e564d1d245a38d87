import { expect, test } from "vitest";
import { databaseClock } from "../../src/store/database-clock.ts";

const t0 = 1_790_000_000_000;

/** A database whose time is `t0` when `ticks` is 0, and which answers `there` and `back` after it was asked. */
function house() {
  const time = { ticks: 5_000, ahead: t0, there: 0, back: 0, isAway: false };
  const clock = databaseClock(
    async () => {
      if (time.isAway) throw new Error("away");
      time.ticks += time.there;
      const told = time.ticks + time.ahead;
      time.ticks += time.back;
      return told;
    },
    () => time.ticks,
  );
  /** How far it is from the database's. */
  const off = (): number => clock.now() - Math.round(time.ticks + time.ahead);
  return { time, clock, off };
}

test("it shows the database's time from the first measurement on, in whole milliseconds", async () => {
  const { time, clock, off } = house();
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
  await clock.measure();
  expect(off()).toBe(0);
  time.ticks += 86_400_000.4;
  expect(clock.now()).toBe(t0 + 86_405_000);
});

test("it is right to within half of what the answer took", async () => {
  const { time, clock, off } = house();
  Object.assign(time, { there: 40, back: 0 });
  await clock.measure();
  expect(off()).toBe(20);
});

test("an answer that took long tells nothing, until the one before is long ago", async () => {
  const { time, clock, off } = house();
  Object.assign(time, { there: 1, back: 1 });
  await clock.measure();
  // Frozen after it had asked.
  Object.assign(time, { there: 0, back: 90_000 });
  await clock.measure();
  expect(off()).toBe(0);
  Object.assign(time, { there: 200, back: 0 });
  await clock.measure();
  expect(off()).toBe(0);
  time.ticks += 200_000;
  await clock.measure();
  expect(off()).toBe(100);
});

test("it follows a database whose clock becomes another, as after a fail-over", async () => {
  const { time, clock, off } = house();
  Object.assign(time, { there: 1, back: 1 });
  await clock.measure();
  time.ahead += 2_500;
  time.ticks += 5_000;
  await clock.measure();
  expect(off()).toBe(0);
});

test("a slow answer counts where it shows that the clock is wrong, as after a machine was suspended", async () => {
  const { time, clock, off } = house();
  Object.assign(time, { there: 1, back: 1 });
  await clock.measure();
  // The monotonic clock stood still for ten minutes, and the pool has to connect anew.
  time.ahead += 600_000;
  time.ticks += 5_000;
  Object.assign(time, { there: 60, back: 20 });
  await clock.measure();
  expect(off()).toBe(20);
  time.ahead -= 3_600_000;
  await clock.measure();
  expect(off()).toBe(20);
});

test("without an answer it goes on as it went", async () => {
  const { time, clock, off } = house();
  await clock.measure();
  time.isAway = true;
  time.ticks += 30_000;
  await expect(clock.measure()).rejects.toThrow("away");
  expect(off()).toBe(0);
});
