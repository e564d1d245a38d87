import type { AccountStatus } from "../mail/account.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { timestamp } from "../mail/time.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";

/** What the last login found out. No folder is watched yet, so none is listed. */
export const getAccountStatus =
  (needs: { accounts: Pick<Store["accounts"], "get"> }) =>
  async (caller: AppCaller, accountId: string): Promise<AccountStatus> => {
    const { state, stateSince, lastError } = await findAccount(needs.accounts, caller, accountId);
    return {
      state,
      since: timestamp(stateSince),
      ...(lastError !== null && { lastError: { ...lastError, at: timestamp(lastError.at) } }),
      folders: [],
    };
  };
