import { Failure } from "../errors.ts";
import type { Submission } from "../mail/submission.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import type { SubmissionChange, SubmissionState } from "../store/submission-rows.ts";
import { changeSubmission } from "./change-submission.ts";
import { findAccount } from "./find-account.ts";
import { submissionEvent } from "./submission-event.ts";
import { viewSubmission } from "./view-submission.ts";

export type CancelSubmissionNeeds = {
  accounts: Pick<Store["accounts"], "get">;
  submissions: Pick<Store["submissions"], "get" | "change">;
  wake: Wake;
  clock: Clock;
};

const states: SubmissionState[] = ["scheduled", "queued"];

/**
 * Takes a submission back that is not being sent. Its recipients stand as they are: some may have it by an earlier attempt. One that was taken
 * back before is told as it is. Fails `not-found`, `not-cancelable`.
 */
export const cancelSubmission =
  (needs: CancelSubmissionNeeds) =>
  async (caller: AppCaller, accountId: string, submissionId: string): Promise<Submission> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const row = await changeSubmission(needs, account, submissionId, (seen, updatedAt) => {
      if (seen.state === "canceled") return null;
      if (!states.includes(seen.state)) throw notCancelable(seen.state);
      const change: SubmissionChange = { state: "canceled", nextAttemptAt: null, finishedAt: updatedAt };
      return { states, change, event: submissionEvent(account, { ...seen, ...change, updatedAt }, updatedAt) };
    });
    needs.wake.wake("submission-final", row.id);
    return viewSubmission(row);
  };

function notCancelable(state: SubmissionState): Failure {
  const shown = state === "committing" ? "sending" : state;
  return new Failure("not-cancelable", `This submission is ${shown}, so it can't be taken back.`, {
    fix: "undoSeconds leaves time to take a message back before it goes out.",
  });
}
