import { Failure } from "../errors.ts";
import type { Verification } from "../mail/account.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Mailboxes } from "../sessions/lend-mailbox.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";
import { verifySides, type VerifySides } from "./verify-sides.ts";

/** Logs in now on each side that the account has, and lets an account go on whose login had been refused. */
export const verifyAccount =
  (
    needs: VerifySides & {
      accounts: Pick<Store["accounts"], "get" | "setState" | "setCapabilities">;
      mailboxes: Pick<Mailboxes, "renew" | "drop">;
      submitters: { drop(accountId: string): void };
    },
  ) =>
  async (caller: AppCaller, accountId: string): Promise<Verification> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    await needs.mailboxes.renew(account.id);
    const { verification, capabilities } = await verifySides(needs, account).catch(async (error: unknown) => {
      if (error instanceof Failure && account.state !== "paused") {
        const side = error.details.extra?.["side"] === "outgoing" ? "outgoing" : "incoming";
        const lastError = { side, code: causeCode(error), detail: error.message, at: needs.clock.now() } as const;
        await needs.accounts.setState(account, { state: account.state, lastError }, needs.clock.now());
      }
      throw error;
    });
    if (capabilities !== null) await needs.accounts.setCapabilities(account.id, capabilities);
    if (account.state !== "paused")
      await needs.accounts.setState(account, { state: "connected", lastError: null }, needs.clock.now());
    needs.mailboxes.drop(account.id);
    needs.submitters.drop(account.id);
    return verification;
  };

function causeCode(error: Failure): string {
  return error.details.cause instanceof Failure ? error.details.cause.code : error.code;
}
