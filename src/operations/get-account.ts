import type { Account } from "../mail/account.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";
import { viewAccount } from "./view-account.ts";

export const getAccount =
  (needs: { accounts: Pick<Store["accounts"], "get"> }) =>
  async (caller: AppCaller, accountId: string): Promise<Account> =>
    viewAccount(await findAccount(needs.accounts, caller, accountId));
