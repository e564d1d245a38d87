import { Failure } from "../errors.ts";
import type { Clock } from "../observe.ts";
import type { RecipientRow } from "../store/submission-rows.ts";
import type { SubmissionStore } from "../store/submission-store.ts";
import type { HeldSubmission } from "./senders.ts";

/** Another worker has claimed the row: nothing of it may be written, and no dot may go out. */
export class ClaimLost extends Error {}

/**
 * Writes that a claim's dot is about to go out; resolves when that is on disk. `recipients` as in `SubmissionStore.commit`. Rejects with
 * `ClaimLost`, or with what the write failed with; then no dot may go out.
 */
export type Commit = (mine: HeldSubmission, recipients: RecipientRow[] | null) => Promise<void>;

type Waiting = {
  mine: HeldSubmission;
  recipients: RecipientRow[] | null;
  resolve: () => void;
  reject: (error: unknown) => void;
};

/** Written in one atomic, at most. */
const atOnce = 100;

/** Dots that come up in one turn of the loop, or while the last ones go to disk, are one write. */
export function commitSubmissions(needs: {
  submissions: Pick<SubmissionStore, "commit">;
  clock: Pick<Clock, "now">;
  leaseMs: number;
}): Commit {
  let waiting: Waiting[] = [];
  let isWriting = false;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, atOnce);
      waiting = waiting.slice(atOnce);
      await write(batch);
    }
    isWriting = false;
  }

  async function write(batch: Waiting[]): Promise<void> {
    const leaseUntil = needs.clock.now() + needs.leaseMs;
    try {
      const claims = batch.map(({ mine, recipients }) => ({ id: mine.submission.id, epoch: mine.epoch, recipients }));
      const standing = new Set(await needs.submissions.commit(claims, leaseUntil));
      for (const { mine, resolve, reject } of batch) {
        if (!standing.has(mine.submission.id)) reject(new ClaimLost());
        else {
          mine.leaseUntil = Math.max(mine.leaseUntil, leaseUntil);
          resolve();
        }
      }
    } catch (error) {
      const isAway = error instanceof Failure && error.code === "storage-unavailable";
      // One that can't be written takes no other with it.
      if (!isAway && batch.length > 1) for (const one of batch) await write([one]);
      else for (const { reject } of batch) reject(error);
    }
  }

  return (mine, recipients) =>
    new Promise((resolve, reject) => {
      mine.isCommitted = true;
      waiting.push({ mine, recipients, resolve, reject });
      if (isWriting) return;
      isWriting = true;
      setImmediate(() => void writeAll());
    });
}
