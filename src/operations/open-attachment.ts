import { Failure } from "../errors.ts";
import type { Part } from "../mail/part.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { decodeTransfer } from "../mime/decode-transfer.ts";
import { attachments, findPart } from "../mime/walk.ts";
import { findAccount } from "./find-account.ts";
import { onMessage, refOf, type MessageAsked, type OneMessage } from "./find-message.ts";
import { lending, type LentStream } from "./lent-stream.ts";

/** One part of a message, decoded in the stream. The stream holds a session until it ends or is returned. */
export const openAttachment =
  (needs: OneMessage) =>
  async (
    caller: AppCaller,
    accountId: string,
    asked: MessageAsked & { attachmentId: string },
  ): Promise<LentStream<{ part: Part }>> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const ref = refOf(needs, account, asked.id);
    return lending(needs, account, (mailbox) =>
      onMessage(needs, mailbox, account, { ...asked, ref }, async ({ place }) => {
        const { summary } = await mailbox.get(place, {});
        const section = asked.attachmentId.replace(/^att_/, "");
        const part = summary.structure && findPart(summary.structure, section);
        const isListed =
          summary.structure !== null && attachments(summary.structure).some(({ id }) => id === asked.attachmentId);
        if (part === null || !isListed)
          throw new Failure("not-found", "The message has no attachment with this id.", {
            fix: "GET the message for its attachments.",
          });
        return { part, stream: decodeTransfer(part.encoding, await mailbox.openPart(place, section)) };
      }),
    );
  };
