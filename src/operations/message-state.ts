import type { Mailbox } from "../mail/mailbox.ts";
import type { MessageState } from "../mail/message.ts";
import type { Found } from "./find-message.ts";

/** What a caller demands of a message before it is changed: throws `precondition-failed`. Null: nothing. */
export type Precondition = ((state: MessageState) => void) | null;

/** What may change of a found message, as the server tells it now. Fails `message-gone`. */
export async function stateOf(mailbox: Mailbox, { place, folder }: Found, id: string): Promise<MessageState> {
  const { summary } = await mailbox.get(place, {});
  return { id, folderIds: [folder.id], flags: summary.flags, keywords: summary.keywords };
}

/** Looks at the message right before it is changed, on the same session. */
export async function assertState(
  mailbox: Mailbox,
  found: Found,
  { id, precondition }: { id: string; precondition: Precondition },
): Promise<void> {
  if (precondition !== null) precondition(await stateOf(mailbox, found, id));
}
