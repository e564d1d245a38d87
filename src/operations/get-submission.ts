import { Failure } from "../errors.ts";
import type { Submission } from "../mail/submission.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";
import { viewSubmission } from "./view-submission.ts";

/** A submission with what became of each recipient so far. Fails `not-found`. */
export const getSubmission =
  (needs: { accounts: Pick<Store["accounts"], "get">; submissions: Pick<Store["submissions"], "get"> }) =>
  async (caller: AppCaller, accountId: string, submissionId: string): Promise<Submission> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const row = await needs.submissions.get(account.id, submissionId);
    if (row === null) {
      throw new Failure("not-found", "There is no submission with this id.", {
        fix: "GET the account's submissions to list them.",
      });
    }
    return viewSubmission(row);
  };
