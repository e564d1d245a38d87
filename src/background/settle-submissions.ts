import { Failure } from "../errors.ts";
import type { Clock, Log } from "../observe.ts";
import type { NewEvent } from "../store/rows.ts";
import type { SubmissionOutcome } from "../store/submission-rows.ts";
import type { SubmissionStore } from "../store/submission-store.ts";
import type { HeldSubmission } from "./senders.ts";

/** What a claim came to, as it is to be written; a null outcome gives it back as it was. */
export type Settled = {
  mine: HeldSubmission;
  outcome: SubmissionOutcome | null;
  event: NewEvent | null;
  /** Why the attempt failed as a whole, and how long it took, milliseconds; null where nothing was attempted. */
  attempt: { failure: Failure | null; ms: number } | null;
};

export type SettleNeeds = {
  submissions: Pick<SubmissionStore, "settle" | "giveBack">;
  clock: Clock;
  log: Log;
};

/** Written in one atomic, at most. */
const atOnce = 100;
/** Between two writes, milliseconds: a write takes nearly as long for one as for many. */
const gatherMs = 20;
/** Between tries when the database can't be used, milliseconds: the first, and the longest. */
const pauses = { first: 100, longest: 2_000 };

/**
 * Writes outcomes, one write after another: what ends while one is under way, and shortly after, gathers for the next. While the database can't be
 * used it is tried again: what a mail server said is known only here, and lost it would read as `uncertain`. `written` is told after each
 * write, with the ids of those whose claims held.
 */
export function settleSubmissions(needs: SettleNeeds, written: (some: Settled[], standing: Set<string>) => void) {
  const { submissions, clock, log } = needs;
  let gathered: Settled[] = [];
  let writing: Promise<void> | null = null;
  const ending = new AbortController();
  let until = Infinity;
  let isStuck = false;

  async function writeAll(): Promise<void> {
    // What ends in the same turn of the loop goes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (gathered.length > 0) {
      const batch = gathered.slice(0, atOnce);
      gathered = gathered.slice(atOnce);
      await insist(batch.filter(({ outcome }) => outcome !== null));
      await insist(batch.filter(({ outcome }) => outcome === null));
      if (gathered.length < atOnce) await clock.sleep(gatherMs, ending.signal);
    }
    writing = null;
  }

  async function insist(batch: Settled[]): Promise<void> {
    if (batch.length === 0) return;
    for (let pause = pauses.first; ; pause = Math.min(pause * 2, pauses.longest)) {
      try {
        const standing = await write(batch);
        isStuck = false;
        return written(batch, standing);
      } catch (error) {
        const isAway = error instanceof Failure && error.code === "storage-unavailable";
        isStuck = isAway;
        // One that can't be written takes no other with it.
        if (!isAway && batch.length > 1) {
          for (const one of batch) await insist([one]);
          return;
        }
        if (!isAway || clock.now() >= until) {
          // Their claims run out by themselves; what was written last says whether the messages may have gone out.
          log.write("error", "submission.unsettled", { submissionIds: batch.map(idOf), error });
          return written(batch, new Set());
        }
      }
      await clock.sleep(pause);
    }
  }

  async function write(batch: Settled[]): Promise<Set<string>> {
    const outcomes = batch.flatMap(({ mine, outcome, event }) =>
      outcome === null ? [] : { id: mine.submission.id, epoch: mine.epoch, outcome, event },
    );
    if (outcomes.length > 0) return new Set(await submissions.settle(outcomes));
    const claims = batch.map(({ mine }) => ({ id: mine.submission.id, epoch: mine.epoch }));
    await submissions.giveBack(claims, clock.now());
    return new Set(batch.map(idOf));
  }

  return {
    /** To be written as soon as may be. */
    add(settled: Settled): void {
      gathered.push(settled);
      writing ??= writeAll();
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

const idOf = ({ mine }: Settled): string => mine.submission.id;
