import type { Mailbox } from "../mail/mailbox.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { movingFolders, type ChangeFolders } from "./change-folders.ts";
import { findAccount } from "./find-account.ts";
import { rolesOf } from "./folder-events.ts";
import { newEvent } from "../store/new-event.ts";
import { onFolder, resolveFolder } from "./resolve-folder.ts";
import { viewFolderRow } from "./view-folder.ts";

/**
 * Deletes a folder and the mail in it for good. Fails: `folder-protected` for the inbox and for a folder that has others
 * below it, `not-found`, `delete-unconfirmed`, `refused-by-server`.
 */
export const deleteFolder =
  (needs: ChangeFolders) =>
  async (caller: AppCaller, accountId: string, folderId: string, signal: AbortSignal): Promise<void> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const remove = async (mailbox: Mailbox): Promise<void> => {
      const folder = await resolveFolder(needs, mailbox, account, folderId);
      await onFolder(needs, mailbox, account, folder, ({ path }) => mailbox.deleteFolder(path));
      await forget(needs, account, folder);
    };
    await movingFolders(needs, account, remove, signal);
  };

/** Its row goes, and its event with it where the account is watched. */
async function forget({ folders, clock, wake }: ChangeFolders, account: AccountRow, folder: FolderRow): Promise<void> {
  const change = { added: [], changed: [], removed: [folder.id] };
  for (let tries = 0; tries < 5; tries += 1) {
    const version = await folders.version(account.id);
    const rows = await folders.list(account.id);
    // Whoever has listed the folders since may have told it already.
    const isThere = rows.some(({ id, missingSince }) => id === folder.id && missingSince === null);
    const data = { ...viewFolderRow(folder, rows), actor: "api" };
    const isTold = account.watch.mode !== "off" && isThere;
    const events = isTold ? [newEvent(account, "folder.deleted", clock.now(), data, rolesOf([folder]))] : [];
    if (await folders.save(account.id, { ...change, told: { version, events } }))
      return wake.wake("events", account.appId);
  }
  await folders.save(account.id, change);
}
