import { Failure } from "../errors.ts";
import type { Clock } from "../observe.ts";

export type GatheredNeeds<T> = {
  clock: Clock;
  /** Written in one atomic, at most. */
  atOnce: number;
  /** Between two writes, milliseconds: a write takes nearly as long for one as for many. */
  gatherMs: number;
  /** What comes in one turn of the event loop goes into the first write together. */
  wholeTurn: boolean;
  /** Writes all of what was taken together, by `insist`, which may be called for parts of it. */
  writeAll: (batch: T[], insist: (part: T[]) => Promise<void>) => Promise<void>;
  /** One atomic. */
  write: (part: T[]) => Promise<void>;
  /** These could not be written. */
  lose: (part: T[], error: unknown) => void;
};

/** Between tries when the database can't be used, milliseconds: the first, and the longest. */
const pauses = { first: 100, longest: 2_000 };

/**
 * Writes outcomes, one write after another: what ends while one is under way, and shortly after, gathers for the next. While the database can't be
 * used it is tried again, because an outcome is known only here; one that can't be written takes no other with it.
 */
export function writeGathered<T>({ clock, atOnce, gatherMs, wholeTurn, writeAll, write, lose }: GatheredNeeds<T>) {
  let gathered: T[] = [];
  let writing: Promise<void> | null = null;
  const ending = new AbortController();
  let until = Infinity;
  let isStuck = false;

  async function work(): Promise<void> {
    if (wholeTurn) await new Promise((resolve) => setImmediate(resolve));
    while (gathered.length > 0) {
      const batch = gathered.slice(0, atOnce);
      gathered = gathered.slice(atOnce);
      await writeAll(batch, insist);
      if (gathered.length < atOnce) await clock.sleep(gatherMs, ending.signal);
    }
    writing = null;
  }

  async function insist(part: T[]): Promise<void> {
    for (let pause = pauses.first; ; pause = Math.min(pause * 2, pauses.longest)) {
      try {
        await write(part);
        isStuck = false;
        return;
      } catch (error) {
        const isAway = error instanceof Failure && error.code === "storage-unavailable";
        isStuck = isAway;
        if (!isAway && part.length > 1) {
          for (const one of part) await insist([one]);
          return;
        }
        if (!isAway || clock.now() >= until) return lose(part, error);
      }
      await clock.sleep(pause);
    }
  }

  return {
    /** To be written as soon as may be. */
    add(one: T): void {
      gathered.push(one);
      writing ??= work();
    },

    /** The database could not be used when an outcome was to be written last. */
    isStuck: () => isStuck,

    /** Resolves when everything is written; after `by`, milliseconds since the epoch, what fails is not tried again. */
    async end(by: number): Promise<void> {
      until = by;
      ending.abort("ending");
      await writing;
    },
  };
}
