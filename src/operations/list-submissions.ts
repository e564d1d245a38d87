import type { Submission } from "../mail/submission.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { type Page, pageOfRows, startOf } from "./cursor.ts";
import { findAccount } from "./find-account.ts";
import { viewSubmission } from "./view-submission.ts";

/** An account's submissions, newest first. Fails `not-found`, `invalid-cursor`. */
export const listSubmissions =
  (needs: {
    accounts: Pick<Store["accounts"], "get">;
    submissions: Pick<Store["submissions"], "list">;
    cursorKey: Uint8Array;
  }) =>
  async (
    caller: AppCaller,
    accountId: string,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
  ): Promise<Page<Submission>> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const filter = ["submissions", account.id];
    const before = startOf(needs.cursorKey, filter, cursor);
    const rows = await needs.submissions.list(account.id, { before, limit: limit + 1 });
    return pageOfRows(needs.cursorKey, filter, rows, limit, viewSubmission);
  };
