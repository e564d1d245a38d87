import type { AppCaller } from "../mail/tenant.ts";
import { movingFolders, type ChangeFolders } from "./change-folders.ts";
import { findAccount } from "./find-account.ts";
import { onFolder, resolveFolder } from "./resolve-folder.ts";

/**
 * Deletes a folder and the mail in it for good. Fails: `folder-protected` for the inbox and for a folder that has others
 * below it, `not-found`, `delete-unconfirmed`, `refused-by-server`.
 */
export const deleteFolder =
  (needs: ChangeFolders) =>
  async (caller: AppCaller, accountId: string, folderId: string): Promise<void> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    await movingFolders(needs, account, async (mailbox) => {
      const folder = await resolveFolder(needs, mailbox, account, folderId);
      await onFolder(needs, mailbox, account, folder, ({ path }) => mailbox.deleteFolder(path));
      await needs.folders.save(account.id, { added: [], changed: [], removed: [folder.id] });
    });
  };
