import { Failure } from "../errors.ts";
import type { Clock } from "../observe.ts";
import type { AccountRow, NewEvent } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { SubmissionChange, SubmissionRow, SubmissionState } from "../store/submission-rows.ts";

/** What is to become of a row that was seen in one of these states. */
export type Step = { states: SubmissionState[]; change: SubmissionChange; event: NewEvent | null };

/** How often a row is read again that somebody else changed in between. */
const tries = 20;

/** A submission of the account. Fails `not-found`. */
export async function findSubmission(
  submissions: Pick<Store["submissions"], "get">,
  accountId: string,
  id: string,
): Promise<SubmissionRow> {
  const row = await submissions.get(accountId, id);
  if (row !== null) return row;
  throw new Failure("not-found", "There is no submission with this id.", {
    fix: "GET the account's submissions to list them.",
  });
}

/**
 * Changes a submission as `decide` says of the row as it stands; asked again when the outbox was faster. Null leaves it as it is. `updatedAt` is set here, and
 * is another one than before. Fails `not-found`, and as `decide` does.
 */
export async function changeSubmission(
  needs: { submissions: Pick<Store["submissions"], "get" | "change">; clock: Clock },
  account: Pick<AccountRow, "id">,
  id: string,
  decide: (seen: SubmissionRow, updatedAt: number) => Step | null,
): Promise<SubmissionRow> {
  for (let n = 0; n < tries; n += 1) {
    const seen = await findSubmission(needs.submissions, account.id, id);
    const updatedAt = Math.max(needs.clock.now(), seen.updatedAt + 1);
    const step = decide(seen, updatedAt);
    if (step === null) return seen;
    const changed = await needs.submissions.change(seen, step.states, { ...step.change, updatedAt }, step.event);
    if (changed !== null) return changed;
  }
  throw new Failure("not-changeable", "The submission is changed by others all the time.", { retryable: true });
}
