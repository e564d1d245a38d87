import type { Failure } from "../errors.ts";
import type { Clock, Log } from "../observe.ts";
import type { NewEvent } from "../store/rows.ts";
import type { SubmissionOutcome } from "../store/submission-rows.ts";
import type { SubmissionStore } from "../store/submission-store.ts";
import type { HeldSubmission } from "./senders.ts";
import { writeGathered } from "./write-gathered.ts";

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

/**
 * Writes what claims came to (`writeGathered`): what a mail server said, lost, would read as `uncertain`. `written` is told after each
 * write, with the ids of those whose claims held.
 */
export function settleSubmissions(needs: SettleNeeds, written: (some: Settled[], standing: Set<string>) => void) {
  const { submissions, clock, log } = needs;

  async function write(part: Settled[]): Promise<Set<string>> {
    const outcomes = part.flatMap(({ mine, outcome, event }) =>
      outcome === null ? [] : { id: mine.submission.id, epoch: mine.epoch, outcome, event },
    );
    if (outcomes.length > 0) return new Set(await submissions.settle(outcomes));
    const claims = part.map(({ mine }) => ({ id: mine.submission.id, epoch: mine.epoch }));
    await submissions.giveBack(claims, clock.now());
    return new Set(part.map(idOf));
  }

  return writeGathered<Settled>({
    clock,
    atOnce: 100,
    gatherMs: 20,
    wholeTurn: true,
    async writeAll(batch, insist) {
      const parts = [batch.filter(({ outcome }) => outcome !== null), batch.filter(({ outcome }) => outcome === null)];
      for (const part of parts) if (part.length > 0) await insist(part);
    },
    async write(part) {
      written(part, await write(part));
    },
    lose(part, error) {
      // Their claims run out by themselves; what was written last says whether the messages may have gone out.
      log.write("error", "submission.unsettled", { submissionIds: part.map(idOf), error });
      written(part, new Set());
    },
  });
}

const idOf = ({ mine }: Settled): string => mine.submission.id;
