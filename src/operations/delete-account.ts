import type { AppCaller } from "../mail/tenant.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock } from "../observe.ts";
import type { Mailboxes } from "../sessions/lend-mailbox.ts";
import { newEvent } from "../store/new-event.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";

/**
 * Removes an account with every row and byte of it and the content of its events, tells so by an event, and closes its sessions.
 * Mail on the server stays.
 */
export const deleteAccount =
  (needs: {
    accounts: Pick<Store["accounts"], "get" | "remove">;
    mailboxes: Pick<Mailboxes, "drop">;
    submitters: { drop(accountId: string): void };
    wake: Pick<Wake, "wake">;
    clock: Clock;
  }) =>
  async (caller: AppCaller, accountId: string): Promise<void> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const { appId, externalId } = account;
    const deleted = newEvent(account, "account.deleted", needs.clock.now(), { externalId });
    await needs.accounts.remove(appId, account.id, deleted);
    needs.wake.wake("watch", account.id);
    needs.wake.wake("events", appId);
    needs.mailboxes.drop(account.id);
    needs.submitters.drop(account.id);
  };
