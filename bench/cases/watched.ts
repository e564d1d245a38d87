import { setTimeout as sleep } from "node:timers/promises";

import type { Case } from "../frame/case.ts";
import { makeCrowd } from "../frame/crowd.ts";
import { type Figure, plainFigure } from "../frame/figure.ts";
import { memoryOf, processorTimeOf } from "../frame/postern.ts";
import { median } from "../frame/rounds.ts";
import { inDigits } from "../frame/sizes.ts";

/** All accounts have been looked at once more in this time, milliseconds; Postern does so each minute. */
const round = 66_000;

/** Accounts that are watched before it is measured what one more costs. */
const first = 20;

/** MB as KiB. */
const kib = (mega: number): number => (mega * 1e6) / 1024;

/** What watched accounts cost that nothing happens in. */
export const watched: Case = {
  name: "watched",
  async run(world) {
    const { pid } = world.postern;
    const crowd = makeCrowd(world);
    // What the first ones load and compile is not the others' cost.
    await crowd.growTo(first);
    await sleep(round);
    const base = await restingMemory(pid);
    const figures: Figure[] = [];
    const resident = new Map<number, number>();
    for (const count of [300, 1_000]) {
      await crowd.growTo(count);
      await sleep(round);
      const memory = await restingMemory(pid);
      if (crowd.connections() !== count) throw new Error(`${crowd.connections()} connections of ${count} stand`);
      resident.set(count, memory);
      const each = kib(memory - base) / (count - first);
      const over = `over ${Math.round(base)} MB with ${first}`;
      figures.push(
        plainFigure(`RSS of each of ${inDigits(count)} watched accounts`, "KiB", each, { atMost: 160 }, over),
      );
    }
    const [few = Number.NaN, many = Number.NaN] = resident.values();
    const further = kib(many - few) / 700;
    figures.push(plainFigure("RSS of each account from the 301st on", "KiB", further, null, "over 300 accounts"));
    const [start, before] = [performance.now(), processorTimeOf(pid)];
    await sleep(2 * round);
    const share = ((processorTimeOf(pid) - before) / (performance.now() - start)) * 100;
    figures.push(plainFigure("processor time for 1,000 watched idle accounts, of one core", "%", share, { atMost: 5 }));
    return figures;
  },
};

/** The median over five seconds: what is garbage comes and goes. */
async function restingMemory(pid: number): Promise<number> {
  const seen: number[] = [];
  for (let nth = 0; nth < 20; nth++) {
    await sleep(250);
    seen.push(memoryOf(pid).now);
  }
  return median(seen);
}
