import type { AccountStatus } from "../mail/account.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { timestamp, timestampOrNull } from "../mail/time.ts";
import { tellState } from "../sessions/account-event.ts";
import type { AccountRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";

export type AccountStatusNeeds = {
  accounts: Pick<Store["accounts"], "get">;
  folders: Pick<Store["folders"], "list">;
  watches: Pick<Store["watches"], "get" | "folders">;
  /** Of how many messages of a folder changes are told. */
  watchWindow: number;
};

/** How the account is doing, and when each of its watched folders was looked at. Asks the database only. Fails `not-found`. */
export const getAccountStatus =
  (needs: AccountStatusNeeds) =>
  async (caller: AppCaller, accountId: string): Promise<AccountStatus> =>
    statusOf(needs, await findAccount(needs.accounts, caller, accountId));

/** The status of an account as its row has it. */
export async function statusOf(needs: AccountStatusNeeds, account: AccountRow): Promise<AccountStatus> {
  const { state, since, lastError } = tellState(account.state, account.stateSince, account.lastError);
  return {
    state,
    since,
    ...(lastError !== null && { lastError }),
    folders: account.watch.mode === "off" ? [] : await watchedFolders(needs, account.id),
  };
}

async function watchedFolders(needs: AccountStatusNeeds, accountId: string): Promise<AccountStatus["folders"]> {
  const [watch, watched, folders] = await Promise.all([
    needs.watches.get(accountId),
    needs.watches.folders(accountId),
    needs.folders.list(accountId),
  ]);
  return watched.flatMap((row) => {
    const folder = folders.find(({ number }) => number === row.folder);
    if (folder === undefined) return [];
    return {
      folderId: folder.id,
      mode: folder.role === "inbox" ? (watch?.mode ?? "poll") : "poll",
      window: needs.watchWindow,
      // A look at all folders that finds nothing is noted once for all of them.
      lastCheckedAt: timestamp(Math.max(row.lastCheckedAt, watch?.lookedAt ?? 0)),
      lastChangedAt: timestampOrNull(row.lastChangedAt),
    };
  });
}
