import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { findAccount } from "./find-account.ts";
import {
  gone,
  isOnServer,
  onMessage,
  placementAt,
  refOf,
  type Found,
  type MessageAsked,
  type OneMessage,
} from "./find-message.ts";
import { moveMessage, type MoveMessage } from "./move-message.ts";
import { asOurs } from "./our-doing.ts";
import { requireCapability } from "./require-capability.ts";
import { resolveFolder } from "./resolve-folder.ts";
import { isWatchedFolder } from "./watched-folder.ts";
import { writing } from "./with-mailbox.ts";

/**
 * Moves a message to the trash, or removes exactly this one for good. A message that is in the trash already stays there.
 * Fails `unsupported-by-server` when the account has no trash, `unsupported-by-protocol` where there are no folders at all.
 */
export const deleteMessage =
  (needs: OneMessage & MoveMessage) =>
  async (caller: AppCaller, accountId: string, asked: MessageAsked & { permanent: boolean }): Promise<void> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const ref = refOf(needs, account, asked.id);
    const remove = async (mailbox: Mailbox): Promise<void> => {
      const trash = asked.permanent ? null : await trashOf(needs, mailbox, account);
      await onMessage(needs, mailbox, account, { ...asked, ref }, (found) =>
        trash === null
          ? removeForGood(needs, mailbox, account, asked.id, found)
          : moveToTrash(needs, mailbox, account, found, trash),
      );
    };
    await writing(needs, account, remove, asked.signal);
  };

async function trashOf(needs: OneMessage, mailbox: Mailbox, account: AccountRow): Promise<FolderRow> {
  requireCapability(mailbox, "move");
  return resolveFolder(needs, mailbox, account, "trash").catch((error: unknown) => {
    if (!(error instanceof Failure) || error.code !== "not-found") throw error;
    throw new Failure("unsupported-by-server", "This account has no trash folder to move the message to.", {
      fix: "Delete with ?permanent=true, or move the message by PATCH with a folderId.",
    });
  });
}

async function moveToTrash(
  needs: OneMessage & MoveMessage,
  mailbox: Mailbox,
  account: AccountRow,
  found: Found,
  trash: FolderRow,
): Promise<void> {
  if (isOnServer(found) && found.folder.id !== trash.id) await moveMessage(needs, mailbox, account, found, trash);
  else await mailbox.get(found.place, {});
}

async function removeForGood(
  needs: OneMessage & MoveMessage,
  mailbox: Mailbox,
  account: AccountRow,
  id: string,
  found: Found,
): Promise<void> {
  await asOurs(needs, account, found, { kind: "remove" }, async () => {
    const { missing } = await mailbox.remove([found.place]);
    if (missing.length > 0) throw gone();
  });
  if (!isOnServer(found)) return;
  if (found.ref.tier === "permanent") needs.places.forget(account.id, id, found.place);
  else if (!isWatchedFolder(account, found.folder))
    await needs.placements.remove(placementAt(account, found, found.ref.origin));
}
