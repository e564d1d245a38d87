import { expect, test } from "vitest";
import { createInProcessWake } from "../../src/background/in-process-wake.ts";
import { runLoops } from "../../src/node/loops.ts";
import type { Postern } from "../../src/world.ts";
import { createFakeClock } from "../fake-clock.ts";

const loops = { dispatcher: "submissions", deliverer: "deliveries" } as const;

test.each(Object.entries(loops))(
  "the %s goes on within seconds after the clock was set back, or the process was stopped in a step",
  async (worker, topic) => {
    const clock = createFakeClock();
    const wake = createInProcessWake(clock);
    const stopping = new AbortController();
    let steps = 0;
    const idle = { step: async () => ({ nextAt: null, notBefore: 0 }), stop: async () => {} };
    const busy = {
      ...idle,
      async step() {
        steps += 1;
        return { nextAt: null, notBefore: clock.now() + 3_600_000 };
      },
    };
    const all = { dispatcher: idle, follower: idle, watchers: idle, deliverer: idle, sweep: async () => {} };
    const postern = { ...all, [worker]: busy, wake, clock } as unknown as Postern;
    const ended = runLoops(postern, null, { write() {} }, stopping.signal);
    await clock.advance(0);
    expect(steps).toBe(1);
    wake.wake(topic, "one");
    await clock.advance(0);
    expect(steps).toBe(1);
    await clock.advance(5_000);
    expect(steps).toBe(2);
    stopping.abort();
    await ended;
  },
);
