import type { Clock } from "../observe.ts";
import type { SubmissionChange, SubmissionRow } from "../store/submission-rows.ts";
import type { SubmissionStore } from "../store/submission-store.ts";
import type { NewEvent } from "../store/rows.ts";

/** How long a claim holds without being extended, and how often it is, milliseconds. */
export const followUpLeaseMs = 60_000;
const renewMs = 20_000;

/** A claimed row, extended until it is written or let go. */
export type FollowUpClaim = {
  row: SubmissionRow;
  /** Extends it; false when it is another's by now, or cannot be said to be ours. */
  renew: () => Promise<boolean>;
  /** Writes what came of it and ends it; null when it is another's by now. */
  write(change: SubmissionChange, event: NewEvent | null): Promise<SubmissionRow | null>;
  /** Ends it: it runs out. */
  end(): Promise<void>;
};

export function holdFollowUp(
  { submissions, clock }: { submissions: Pick<SubmissionStore, "followUp">; clock: Clock },
  row: SubmissionRow,
): FollowUpClaim {
  const over = new AbortController();
  /** The row as it was extended last; null when it is another's. */
  let stands: SubmissionRow | null = row;
  let renewing: Promise<boolean> | null = null;

  async function extend(): Promise<boolean> {
    if (stands !== null)
      stands = await submissions.followUp(stands, { followUpAt: clock.now() + followUpLeaseMs }, null);
    return stands !== null;
  }

  async function renew(): Promise<boolean> {
    if (over.signal.aborted) return false;
    renewing ??= extend()
      .catch(() => false)
      .finally(() => (renewing = null));
    return renewing;
  }

  async function keep(): Promise<void> {
    while (!over.signal.aborted) {
      await clock.sleep(renewMs, over.signal);
      await renew();
    }
  }

  const keeping = keep();
  async function end(): Promise<void> {
    over.abort("over");
    await keeping;
    await renewing;
  }
  return {
    row,
    renew,
    async write(change, event) {
      await end();
      return stands === null ? null : submissions.followUp(stands, change, event);
    },
    end,
  };
}
