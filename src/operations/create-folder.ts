import type { Mailbox } from "../mail/mailbox.ts";
import { Failure } from "../errors.ts";
import type { Folder } from "../mail/folder.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { changingFolders, type ChangeFolders } from "./change-folders.ts";
import { findAccount } from "./find-account.ts";
import { onFolder, resolveFolder } from "./resolve-folder.ts";
import { syncFolders } from "./sync-folders.ts";
import { viewFolder } from "./view-folder.ts";

/**
 * Makes a folder below another one, or at the top of the user's own folders (`parentId` null), and subscribes to it.
 * Fails: `folder-exists`; `refused-by-server` with the server's words; `not-found` for the parent; `validation-failed` where
 * the server's delimiter stands in the name.
 */
export const createFolder =
  (needs: ChangeFolders) =>
  async (
    caller: AppCaller,
    accountId: string,
    asked: { name: string; parentId: string | null },
    signal: AbortSignal,
  ): Promise<Folder> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const create = async (mailbox: Mailbox): Promise<Folder> => {
      const parent = asked.parentId === null ? null : await resolveFolder(needs, mailbox, account, asked.parentId);
      const path =
        parent === null
          ? await mailbox.createFolder(null, asked.name)
          : await onFolder(needs, mailbox, account, parent, (folder) => mailbox.createFolder(folder.path, asked.name));
      const all = await syncFolders(needs, account, () => mailbox.folders(), "api");
      const made = all.find(({ row }) => row.path === path);
      if (made !== undefined) return viewFolder(made, all);
      throw new Failure("not-found", "The folder was made, and somebody has removed it since.");
    };
    return changingFolders(needs, account, create, signal);
  };
