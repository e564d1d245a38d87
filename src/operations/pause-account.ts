import type { AccountStatus } from "../mail/account.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import { accountEvent } from "../sessions/account-event.ts";
import type { Mailboxes } from "../sessions/lend-mailbox.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";
import { type AccountStatusNeeds, statusOf } from "./get-account-status.ts";

/**
 * Leaves the account's mail servers alone: it is not watched, requests that need them fail `account-paused`, and what is queued to be
 * sent waits. A paused account stays as it is. Answers its status. Fails `not-found`.
 */
export const pauseAccount =
  (
    needs: AccountStatusNeeds & {
      accounts: Pick<Store["accounts"], "setState">;
      mailboxes: Pick<Mailboxes, "drop">;
      submitters: { drop(accountId: string): void };
      wake: Pick<Wake, "wake">;
      clock: Clock;
    },
  ) =>
  async (caller: AppCaller, accountId: string): Promise<AccountStatus> => {
    const paused = { state: "paused", lastError: null } as const;
    for (;;) {
      const account = await findAccount(needs.accounts, caller, accountId);
      if (account.state === "paused") return statusOf(needs, account);
      const now = needs.clock.now();
      const event = accountEvent(account, "account.paused", paused, now);
      // False where the account was changed meanwhile, or paused by another call: it is looked at again.
      if (!(await needs.accounts.setState(account, paused, now, event))) continue;
      needs.mailboxes.drop(account.id);
      needs.submitters.drop(account.id);
      needs.wake.wake("watch", account.id);
      needs.wake.wake("events", account.appId);
    }
  };
