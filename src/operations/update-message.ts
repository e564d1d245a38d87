import { Failure } from "../errors.ts";
import type { FlagChange } from "../mail/flags.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { Message, Summary } from "../mail/message.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { changeFlags } from "./change-flags.ts";
import { findAccount } from "./find-account.ts";
import { isOnServer, onMessage, refOf, type Found, type MessageAsked, type OneMessage } from "./find-message.ts";
import { assertState, type Precondition } from "./message-state.ts";
import type { MessageTurns } from "./message-turns.ts";
import { idEnded, moveMessage, type MoveMessage } from "./move-message.ts";
import { requireCapability } from "./require-capability.ts";
import { resolveTarget } from "./resolve-folder.ts";
import { viewMessage } from "./view-message.ts";
import { writing } from "./with-mailbox.ts";

/** Null members change nothing; the caller has made sure that something is asked for. */
export type MessagePatch = { change: FlagChange | null; folderId: string | null; precondition: Precondition };

/**
 * Changes flags and keywords, then moves, in that order. When a later step fails, the failure says by `applied` what had
 * already been done. Answers the message as it is then. Where `precondition` throws, nothing is changed.
 */
export const updateMessage =
  (needs: OneMessage & MoveMessage & { messageTurns: MessageTurns }) =>
  async (caller: AppCaller, accountId: string, asked: MessageAsked, patch: MessagePatch): Promise<Message> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const ref = refOf(needs, account, asked.id);
    const update = async (mailbox: Mailbox): Promise<Message> => {
      if (patch.folderId !== null) requireCapability(mailbox, "move");
      const target = patch.folderId === null ? null : await resolveTarget(needs, mailbox, account, patch.folderId);
      return onMessage(needs, mailbox, account, { ...asked, ref }, async (found) => {
        await assertState(mailbox, found, { id: asked.id, precondition: patch.precondition });
        return apply(needs, mailbox, account, { found, id: asked.id, change: patch.change, target });
      });
    };
    const inTurn = (mailbox: Mailbox) => needs.messageTurns(account.id, [asked.id], () => update(mailbox));
    return writing(needs, account, inTurn, asked.signal);
  };

async function apply(
  needs: MoveMessage,
  mailbox: Mailbox,
  account: AccountRow,
  step: { found: Found; id: string; change: FlagChange | null; target: FolderRow | null },
): Promise<Message> {
  const { found, change, target } = step;
  const applied: string[] = [];
  if (change !== null) {
    await changeFlags(needs, mailbox, account, found, change);
    applied.push("flags");
  }
  try {
    const known = { id: step.id, accountId: account.id };
    if (target === null || target.id === found.folder.id || !isOnServer(found)) {
      const { summary } = await mailbox.get(found.place, {});
      return viewMessage(summary, { ...known, folderIds: [found.folder.id] });
    }
    const before = await mailbox.get(found.place, {});
    const after = await moveMessage(needs, mailbox, account, found, target);
    applied.push("folderId");
    return viewMessage(movedSummary(before.summary, found, after.place !== null), { ...known, folderIds: [target.id] });
  } catch (error) {
    if (!(error instanceof Failure) || applied.length === 0) throw error;
    const extra = { ...error.details.extra, applied };
    throw new Failure(error.code, error.message, { ...error.details, extra, cause: error });
  }
}

function movedSummary(summary: Summary, found: Found, located: boolean): Summary {
  if (located || found.ref.tier === "permanent") return summary;
  return { ...summary, warnings: [...summary.warnings, idEnded] };
}
