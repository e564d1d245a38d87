import { Failure } from "../errors.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";

/** Whether an account-bound key reaches the account; a key without `accountIds` reaches all of its app. */
export function reaches(caller: Pick<AppCaller, "accountIds">, accountId: string): boolean {
  return caller.accountIds === null || caller.accountIds.includes(accountId);
}

/** The account, if it is the caller's app's and the key reaches it; else `not-found`, whatever the reason. */
export async function findAccount(
  accounts: Pick<Store["accounts"], "get">,
  caller: AppCaller,
  accountId: string,
): Promise<AccountRow> {
  const account = reaches(caller, accountId) ? await accounts.get(caller.appId, accountId) : null;
  if (account === null)
    throw new Failure("not-found", "There is no account with this id.", {
      fix: "GET /v1/accounts lists the accounts that this key reaches.",
    });
  return account;
}
