import type { Submission } from "../mail/submission.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { findSubmission } from "./change-submission.ts";
import { findAccount } from "./find-account.ts";
import { viewSubmission } from "./view-submission.ts";

/** A submission with what became of each recipient so far. Fails `not-found`. */
export const getSubmission =
  (needs: { accounts: Pick<Store["accounts"], "get">; submissions: Pick<Store["submissions"], "get"> }) =>
  async (caller: AppCaller, accountId: string, submissionId: string): Promise<Submission> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    return viewSubmission(await findSubmission(needs.submissions, account.id, submissionId));
  };
