import type { Fleet } from "../mail/fleet.ts";
import type { Wake } from "../mail/wake.ts";
import type { Metrics } from "../observe.ts";
import type { DatabaseClock } from "../store/database-clock.ts";
import type { Store } from "../store/store.ts";

export type BeatNeeds = {
  nodes: Store["nodes"];
  clock: DatabaseClock;
  wake: Pick<Wake, "wake">;
  metrics: Pick<Metrics, "gauge">;
  /** Names this process. */
  owner: string;
  /** How long a process that says nothing is believed to be there, milliseconds. */
  leaseMs: number;
};

/** This process's presence among those that share the database. */
export type Presence = Fleet & {
  /**
   * One step: sets the clock by the database's, writes that this process is there, and reads who else is. `nextAt` is when the next one is due,
   * or sooner, when "nodes" is woken. Fails with `storage-unavailable`.
   */
  step(): Promise<{ nextAt: number }>;
  /** Writes that this process is there no more, and wakes the others. No step comes after it. */
  leave(): Promise<void>;
};

export function keepPresence({ nodes, clock, wake, metrics, owner, leaseMs }: BeatNeeds): Presence {
  /** The other processes, and until when each is believed to be there. */
  let others: number[] = [];
  /** When this one wrote last that it is there; null before the first step. */
  let beatAt: number | null = null;

  /** Nobody has been counted for so long that all may have run out, as when the database was away. */
  const isLost = (now: number): boolean => beatAt !== null && now >= beatAt + leaseMs;

  const live = (): number => {
    const now = clock.now();
    const at = isLost(now) ? (beatAt ?? now) : now;
    return 1 + others.filter((seenUntil) => seenUntil > at).length;
  };

  return {
    live,

    async step() {
      await clock.measure();
      const now = clock.now();
      const rows = await nodes.beat(owner, now, leaseMs);
      // The others may have been lost as well, and come back one after another.
      const least = isLost(now) ? now + leaseMs / 2 : 0;
      others = rows.filter((row) => row.owner !== owner).map(({ seenUntil }) => Math.max(seenUntil, least));
      if (beatAt === null) wake.wake("nodes", owner);
      beatAt = now;
      metrics.gauge("postern_live_nodes", live());
      return { nextAt: now + leaseMs / 4 };
    },

    async leave() {
      await nodes.leave(owner);
      wake.wake("nodes", owner);
    },
  };
}
