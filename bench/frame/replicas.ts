import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { flood, type Post } from "./flood.ts";
import type { Target } from "./http.ts";
import { type BenchPostern, startPostern } from "./postern.ts";
import type { World } from "./world.ts";

/** Posterns on one database of their own, in front of the same mail servers. */
export type BenchReplicas = {
  databaseUrl: string;
  count: number;
  /** By way of the first of them. */
  world: World;
  /** GETs these paths by so many clients at once, each at one of the replicas, as many at each as at the others. */
  get(this: void, paths: string[], clients: number): Promise<void>;
  stop(this: void): Promise<void>;
};

/** Starts so many, and waits until each knows of all. */
export async function startReplicas(plain: World, databaseUrl: string, count: number): Promise<BenchReplicas> {
  const env = { POSTERN_DATABASE_URL: databaseUrl, POSTERN_SECRET: randomBytes(32).toString("hex") };
  const world = await plain.another(env);
  const others: BenchPostern[] = [];
  async function stop(): Promise<void> {
    await Promise.all([world.stop(), ...others.map((postern) => postern.stop())]);
  }
  try {
    while (others.length < count - 1) others.push(await startPostern({ profileInto: null, env }));
    // Only the first has told the key.
    const { appKey } = world.postern;
    const targets = [world.postern, ...others].map(({ host, port }) => ({ host, port, appKey }));
    for (const target of targets) await untilCounted(target, count);
    return {
      databaseUrl,
      count,
      world,
      async get(paths, clients) {
        const gets = paths.map((path): Post => ({ method: "GET", path, headers: {}, body: "" }));
        await Promise.all(
          targets.map((target, nth) => {
            const some = gets.filter((_, at) => at % count === nth);
            return flood(target, clients / count, some, 200);
          }),
        );
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilCounted({ host, port }: Target, count: number): Promise<void> {
  for (const deadline = performance.now() + 20_000; ; await sleep(50)) {
    const text = await (await fetch(`http://${host}:${port}/metrics`)).text();
    if (Number(/^postern_live_nodes (\d+)$/m.exec(text)?.[1]) === count) return;
    if (performance.now() > deadline) throw new Error(`a replica did not see ${count} replicas`);
  }
}
