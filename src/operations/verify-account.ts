import { Failure } from "../errors.ts";
import type { Verification } from "../mail/account.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import { stateEvent } from "../sessions/account-event.ts";
import type { Mailboxes } from "../sessions/lend-mailbox.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";
import { verifySides, type VerifySides } from "./verify-sides.ts";

/** Logs in now on each side that the account has, and lets an account go on whose login had been refused. */
export const verifyAccount =
  (
    needs: VerifySides & {
      accounts: Pick<Store["accounts"], "get" | "setState" | "setCapabilities">;
      mailboxes: Pick<Mailboxes, "renew" | "proved">;
      submitters: { proved(accountId: string): void };
      watches: Pick<Store["watches"], "poke">;
      wake: Pick<Wake, "wake">;
    },
  ) =>
  async (caller: AppCaller, accountId: string): Promise<Verification> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    await needs.mailboxes.renew(account.id);
    const { verification, capabilities } = await verifySides(needs, account).catch(async (error: unknown) => {
      if (error instanceof Failure && account.state !== "paused") {
        const side = error.details.extra?.["side"] === "outgoing" ? "outgoing" : "incoming";
        const lastError = { side, code: causeCode(error), detail: error.message, at: needs.clock.now() } as const;
        await needs.accounts.setState(account, { state: account.state, lastError }, needs.clock.now(), null);
      }
      throw error;
    });
    if (capabilities !== null) await needs.accounts.setCapabilities(account.id, capabilities);
    if (account.state !== "paused") {
      const connected = { state: "connected", lastError: null } as const;
      const now = needs.clock.now();
      if (await needs.accounts.setState(account, connected, now, stateEvent(account, connected, now)))
        needs.wake.wake("events", account.appId);
      // Nobody watches an account whose login was refused, or that waits for its next try.
      await needs.watches.poke(account.id);
      needs.wake.wake("watch", account.id);
    }
    needs.mailboxes.proved(account.id);
    needs.submitters.proved(account.id);
    needs.wake.wake("submissions", account.id);
    return verification;
  };

function causeCode(error: Failure): string {
  return error.details.cause instanceof Failure ? error.details.cause.code : error.code;
}
