import type { AppCaller } from "../mail/tenant.ts";
import type { Mailboxes } from "../sessions/lend-mailbox.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";

/** Removes an account with every row and byte of it, and closes its sessions. Mail on the server stays. */
export const deleteAccount =
  (needs: {
    accounts: Pick<Store["accounts"], "get" | "remove">;
    mailboxes: Pick<Mailboxes, "drop">;
    submitters: { drop(accountId: string): void };
  }) =>
  async (caller: AppCaller, accountId: string): Promise<void> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    await needs.accounts.remove(caller.appId, account.id);
    needs.mailboxes.drop(account.id);
    needs.submitters.drop(account.id);
  };
