import type { Folder } from "../mail/folder.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";
import { syncFolders, type SyncFolders } from "./sync-folders.ts";
import { viewFolder } from "./view-folder.ts";
import { reading, type WithMailbox } from "./with-mailbox.ts";

/** All folders of an account with roles and counts: the inbox first, then as the server lists them. `signal`: the caller has left. */
export const listFolders =
  (needs: WithMailbox & SyncFolders & { accounts: Pick<Store["accounts"], "get"> }) =>
  async (caller: AppCaller, accountId: string, signal: AbortSignal): Promise<Folder[]> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const list = () => reading(needs, account, (mailbox) => mailbox.folders(), signal);
    const synced = await syncFolders(needs, account, list);
    return synced
      .map((folder) => viewFolder(folder, synced))
      .sort((a, b) => Number(b.role === "inbox") - Number(a.role === "inbox"));
  };
