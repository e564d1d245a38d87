import { Failure } from "../errors.ts";
import type { FlagChange } from "../mail/flags.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { Message, Summary } from "../mail/message.ts";
import type { AppCaller } from "../mail/tenant.ts";
import type { AccountRow, FolderRow } from "../store/rows.ts";
import { findAccount } from "./find-account.ts";
import { gone, isOnServer, onMessage, refOf, type Found, type MessageAsked, type OneMessage } from "./find-message.ts";
import { moveMessage, type MoveMessage } from "./move-message.ts";
import { asOurs, type OurDoing } from "./our-doing.ts";
import { requireCapability } from "./require-capability.ts";
import { resolveTarget } from "./resolve-folder.ts";
import { viewMessage } from "./view-message.ts";
import { writing } from "./with-mailbox.ts";

/** Absent members change nothing; the caller has made sure that something is asked for. */
export type MessagePatch = { change: FlagChange | null; folderId: string | null };

/**
 * Changes flags and keywords, then moves, in that order. When a later step fails, the failure says by `applied` what had
 * already been done. Answers the message as it is then.
 */
export const updateMessage =
  (needs: OneMessage & MoveMessage) =>
  async (caller: AppCaller, accountId: string, asked: MessageAsked, patch: MessagePatch): Promise<Message> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const ref = refOf(needs, account, asked.id);
    const update = async (mailbox: Mailbox): Promise<Message> => {
      if (patch.folderId !== null) requireCapability(mailbox, "move");
      const target = patch.folderId === null ? null : await resolveTarget(needs, mailbox, account, patch.folderId);
      return onMessage(needs, mailbox, account, { ...asked, ref }, (found) =>
        apply(needs, mailbox, account, { found, id: asked.id, change: patch.change, target }),
      );
    };
    return writing(needs, account, update, asked.signal);
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

/** Changes flags and keywords of a found message, told to the watcher as our doing. Fails `message-gone`, `unsupported-by-server` for keywords. */
export async function changeFlags(
  needs: OurDoing,
  mailbox: Mailbox,
  account: AccountRow,
  found: Found,
  change: FlagChange,
): Promise<void> {
  await asOurs(needs, account, found, { kind: "flags", change }, async () => {
    const { missing } = await mailbox.setFlags([found.place], change);
    if (missing.length > 0) throw gone();
  });
}

function movedSummary(summary: Summary, found: Found, located: boolean): Summary {
  if (located || found.ref.tier === "permanent") return summary;
  return { ...summary, warnings: [...summary.warnings, "id-ended-by-move"] };
}
