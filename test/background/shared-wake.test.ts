import { expect, test } from "vitest";
import { createSharedWake } from "../../src/background/shared-wake.ts";
import type { Hints } from "../../src/store/open-hints.ts";
import { createFakeClock } from "../fake-clock.ts";

type Listener = Parameters<Parameters<typeof createSharedWake>[1]>[0];

/** Two wakes that hear each other, but while they are away. */
function two() {
  const clock = createFakeClock();
  const listeners: Listener[] = [];
  const told: string[] = [];
  const isAway = { now: false };
  const open = (listener: Listener): Hints => {
    listeners.push(listener);
    return {
      maxOctets: 200,
      async tell(text) {
        if (isAway.now) return false;
        told.push(text);
        for (const other of listeners) if (other !== listener) other.heard(text);
        return true;
      },
      close: async () => undefined,
    };
  };
  return { clock, told, listeners, isAway, a: createSharedWake(clock, open), b: createSharedWake(clock, open) };
}

test("who waits for a key is woken here at once, and elsewhere when it is told; a loop elsewhere later", async () => {
  const { clock, told, a, b } = two();
  const here = a.wait("submission-final", "sub_1", 1000);
  const there = b.wait("submission-final", "sub_1", 1000);
  const other = b.wait("submission-final", "sub_2", 1000);
  const loop = b.wait("submissions", null, 1000);
  a.wake("submission-final", "sub_1");
  a.wake("submissions", "acc_1");
  expect(await here).toBe(true);
  await clock.advance(5);
  expect(told).toEqual(["submission-final sub_1\nsubmissions acc_1"]);
  expect(await there).toBe(true);
  let isWoken = false;
  void loop.then((woken) => (isWoken = woken));
  await clock.advance(150);
  expect(isWoken).toBe(false);
  await clock.advance(50);
  expect(isWoken).toBe(true);
  await clock.advance(1000);
  expect(await other).toBe(false);
});

test("what comes together is told once, and who heard it does not tell it again", async () => {
  const { clock, told, a, b } = two();
  for (let nth = 0; nth < 3; nth += 1) a.wake("events", `app_${nth % 2}`);
  await clock.advance(5);
  a.wake("events", "app_2");
  await clock.advance(5);
  await clock.advance(5);
  expect(told).toEqual(["events app_0 app_1", "events app_2"]);
  // The loop misses nothing while it is at work.
  await clock.advance(200);
  expect(await b.wait("events", null, 1000)).toBe(true);
});

test("too many keys are told as all of the topic", async () => {
  const { clock, told, a, b } = two();
  const waits = [b.wait("events", "app_7", 1000), b.wait("events", "quite another", 1000), b.wait("watch", "x", 1000)];
  for (let nth = 0; nth < 100; nth += 1) a.wake("events", `app_${nth}`);
  await clock.advance(5);
  expect(told).toEqual(["events"]);
  await clock.advance(1000);
  expect(await Promise.all(waits)).toEqual([true, true, false]);
});

test("what could not be told is told once there is a connection; who has one again looks at everything", async () => {
  const room = two();
  const { clock, told, listeners, a, b } = room;
  room.isAway.now = true;
  a.wake("watch", "acc_1");
  await clock.advance(5);
  a.wake("watch", "acc_2");
  await clock.advance(5);
  room.isAway.now = false;
  expect(told).toEqual([]);
  const waits = [b.wait("watch", "acc_2", 1000), b.wait("watch", null, 1000)];
  listeners[0]?.connected();
  await clock.advance(5);
  expect(told).toEqual(["watch"]);
  await clock.advance(200);
  expect(await Promise.all(waits)).toEqual([true, true]);

  const all = [b.wait("events", "app_1", 1000), b.wait(["deliveries", "events"], null, 1000)];
  listeners[1]?.connected();
  expect(await Promise.all(all)).toEqual([true, true]);
});

test("what a newer Postern tells is passed over, and the last words are told before the end", async () => {
  const { clock, told, listeners, a, b } = two();
  const waiting = b.wait("events", "app_1", 1000);
  listeners[1]?.heard("phase-of-moon full\nevents app_1");
  expect(await waiting).toBe(true);
  a.wake("watch", "acc_1");
  const closed = a.close();
  await clock.advance(5);
  await closed;
  expect(told).toEqual(["watch acc_1"]);
});
