import type { Mailbox } from "../mail/mailbox.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { findAccount } from "./find-account.ts";
import { type Found, type MessageAsked, onMessage, type OneMessage, refOf } from "./find-message.ts";
import { reading } from "./with-mailbox.ts";

/** A page of what a message says. */
export type Shown = {
  page: string;
  /** Where the next page begins; null on the last one. */
  next: number | null;
  /** Words of a closed set: `body-truncated` and those of a message. */
  warnings: string[];
};

/** `from`: where the page begins, 0 or `next` of the page before. `onlyWhether`: nothing is asked but whether the message is there. */
export type ShowAsked = MessageAsked & { from: number; isReplyOnly: boolean; onlyWhether: boolean };

/** Finds the message and shows it; null where only whether it is there was asked, and it is. */
export async function showMessage<T>(
  needs: OneMessage,
  { caller, accountId }: { caller: AppCaller; accountId: string },
  asked: ShowAsked,
  show: (mailbox: Mailbox, found: Found) => Promise<T>,
): Promise<T | null> {
  const account = await findAccount(needs.accounts, caller, accountId);
  const ref = refOf(needs, account, asked.id);
  const read = (mailbox: Mailbox) =>
    onMessage(needs, mailbox, account, { ...asked, ref }, async (found) => {
      if (!asked.onlyWhether) return show(mailbox, found);
      await mailbox.get(found.place, {});
      return null;
    });
  return reading(needs, account, read, asked.signal);
}
