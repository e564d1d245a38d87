import type { Folder } from "../mail/folder.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";
import { syncFolders, type SyncFolders } from "./sync-folders.ts";
import { folderWithId, viewFolder } from "./view-folder.ts";
import { reading, type WithMailbox } from "./with-mailbox.ts";

/** One folder with its counts, as the mail server has it now. `signal`: the caller has left. Fails `not-found`. */
export const getFolder =
  (needs: WithMailbox & SyncFolders & { accounts: Pick<Store["accounts"], "get"> }) =>
  async (caller: AppCaller, accountId: string, folderId: string, signal: AbortSignal): Promise<Folder> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const list = () => reading(needs, account, (mailbox) => mailbox.folders(), signal);
    const all = await syncFolders(needs, account, list);
    return viewFolder(folderWithId(all, folderId), all);
  };
