import type { Folder, NativeFolder } from "../mail/folder.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { FolderRow } from "../store/rows.ts";
import type { Store } from "../store/store.ts";
import { findAccount } from "./find-account.ts";
import { syncFolders, type SyncFolders } from "./sync-folders.ts";
import { reading, type WithMailbox } from "./with-mailbox.ts";

/** All folders of an account with roles and counts: the inbox first, then as the server lists them. */
export const listFolders =
  (needs: WithMailbox & SyncFolders & { accounts: Pick<Store["accounts"], "get"> }) =>
  async (caller: AppCaller, accountId: string): Promise<Folder[]> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const natives = await reading(needs, account, (mailbox) => mailbox.folders());
    const synced = await syncFolders(needs, account.id, natives);
    const idOf = new Map(synced.map(({ row }) => [row.path, row.id]));
    return synced
      .map(({ row, native }) => viewFolder(row, native, idOf))
      .sort((a, b) => Number(b.role === "inbox") - Number(a.role === "inbox"));
  };

function viewFolder(row: FolderRow, native: NativeFolder, idOf: Map<string, string>): Folder {
  return {
    id: row.id,
    name: row.name,
    parentId: row.parentPath === null ? null : (idOf.get(row.parentPath) ?? null),
    role: row.role,
    selectable: row.selectable,
    subscribed: native.subscribed,
    counts: native.status && { messages: native.status.messages, unseen: native.status.unseen },
  };
}
