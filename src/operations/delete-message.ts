import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { findAccount } from "./find-account.ts";
import { gone, isOnServer, onMessage, refOf, type Found, type MessageAsked, type OneMessage } from "./find-message.ts";
import { assertState, type Precondition } from "./message-state.ts";
import type { MessageTurns } from "./message-turns.ts";
import { moveMessage, type MoveMessage } from "./move-message.ts";
import { removeMessages } from "./remove-messages.ts";
import { requireCapability } from "./require-capability.ts";
import { resolveFolder } from "./resolve-folder.ts";
import type { SyncFolders } from "./sync-folders.ts";
import { writing } from "./with-mailbox.ts";

/**
 * Moves a message to the trash, or removes exactly this one for good. A message that is in the trash already stays there.
 * Where `precondition` throws, nothing is done. Fails `unsupported-by-server` when the account has no trash, `unsupported-by-protocol` where there are no folders at all.
 */
export const deleteMessage =
  (needs: OneMessage & MoveMessage & { messageTurns: MessageTurns }) =>
  async (caller: AppCaller, accountId: string, asked: DeleteAsked): Promise<void> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const ref = refOf(needs, account, asked.id);
    const remove = async (mailbox: Mailbox): Promise<void> => {
      const trash = asked.permanent ? null : await trashOf(needs, mailbox, account);
      await onMessage(needs, mailbox, account, { ...asked, ref }, async (found) => {
        await assertState(mailbox, found, asked);
        if (trash === null) await removeForGood(needs, mailbox, account, found);
        else await moveToTrash(needs, mailbox, account, found, trash);
      });
    };
    const inTurn = (mailbox: Mailbox) => needs.messageTurns(account.id, [asked.id], () => remove(mailbox));
    await writing(needs, account, inTurn, asked.signal);
  };

type DeleteAsked = MessageAsked & { permanent: boolean; precondition: Precondition };

/** The folder that deleted messages go to. Fails as `deleteMessage` does. */
export async function trashOf(needs: SyncFolders, mailbox: Mailbox, account: AccountRow): Promise<FolderRow> {
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

async function removeForGood(needs: MoveMessage, mailbox: Mailbox, account: AccountRow, found: Found): Promise<void> {
  const { missing, left } = await removeMessages(needs, mailbox, account, [found]);
  if (missing.length > 0) throw gone();
  if (left !== null) throw left.why;
}
