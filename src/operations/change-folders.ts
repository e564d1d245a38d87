import type { Mailbox } from "../mail/mailbox.ts";
import type { Mailboxes } from "../sessions/lend-mailbox.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import type { SyncFolders } from "./sync-folders.ts";
import { requireCapability } from "./require-capability.ts";
import { writing } from "./with-mailbox.ts";

/** What every change of an account's folders needs. */
export type ChangeFolders = SyncFolders & {
  accounts: Pick<Store["accounts"], "get">;
  mailboxes: Pick<Mailboxes, "lend" | "renew">;
};

/** Runs a change of folders on a lent session. Fails `unsupported-by-protocol` where the protocol knows none. */
export function changingFolders<T>(
  needs: ChangeFolders,
  account: AccountRow,
  change: (mailbox: Mailbox) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const allowed = async (mailbox: Mailbox): Promise<T> => {
    requireCapability(mailbox, "folders");
    return change(mailbox);
  };
  return writing(needs, account, allowed, signal);
}

/**
 * As `changingFolders`, for a change after which a path may mean another folder: no session that has the old one open is
 * lent again.
 */
export async function movingFolders<T>(
  needs: ChangeFolders,
  account: AccountRow,
  change: (mailbox: Mailbox) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await changingFolders(needs, account, change, signal);
  } finally {
    void needs.mailboxes.renew(account.id);
  }
}
