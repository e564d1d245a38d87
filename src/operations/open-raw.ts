import type { ByteRange } from "../mail/mailbox.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { findAccount } from "./find-account.ts";
import { onMessage, refOf, type MessageAsked, type OneMessage } from "./find-message.ts";
import { lending, type LentStream } from "./lent-stream.ts";

/**
 * The message as stored, octet for octet. `rangeOf` sees the whole size in octets and says which ones are wanted (undefined:
 * all); what it throws ends the call. The stream holds a session until it ends or is returned.
 */
export const openRaw =
  (needs: OneMessage) =>
  async (
    caller: AppCaller,
    accountId: string,
    asked: MessageAsked & { rangeOf: (size: number) => ByteRange | undefined },
  ): Promise<LentStream<{ size: number }>> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const ref = refOf(needs, account, asked.id);
    return lending(needs, account, (mailbox) =>
      onMessage(needs, mailbox, account, { ...asked, ref }, async ({ place }) => {
        const { summary } = await mailbox.get(place, {});
        return mailbox.openRaw(place, asked.rangeOf(summary.size));
      }),
    );
  };
