import type { AccountStatus } from "../mail/account.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";
import { type AccountStatusNeeds, statusOf } from "./get-account-status.ts";

/** Lets a paused account go on: it is due to be watched at once. One that is not paused stays as it is. Answers its status. Fails `not-found`. */
export const resumeAccount =
  (
    needs: AccountStatusNeeds & {
      accounts: Pick<Store["accounts"], "setState">;
      wake: Pick<Wake, "wake">;
      clock: Clock;
    },
  ) =>
  async (caller: AppCaller, accountId: string): Promise<AccountStatus> => {
    const connecting = { state: "connecting", lastError: null } as const;
    for (;;) {
      const account = await findAccount(needs.accounts, caller, accountId);
      if (account.state !== "paused") return statusOf(needs, account);
      // Whether it works is told by the login that comes of it.
      if (!(await needs.accounts.setState(account, connecting, needs.clock.now(), null))) continue;
      needs.wake.wake("watch", account.id);
      needs.wake.wake("submissions", account.id);
    }
  };
