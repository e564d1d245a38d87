import type { Fetched, Mailbox } from "../mail/mailbox.ts";
import type { Message, MessageState } from "../mail/message.ts";
import type { Part } from "../mail/part.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { parseEnvelope } from "../mime/parse-envelope.ts";
import type { AccountRow } from "../store/rows.ts";
import { findAccount } from "./find-account.ts";
import { type Found, onMessage, type MessageAsked, type OneMessage, refOf } from "./find-message.ts";
import type { IncludeInMessages } from "./include-in-messages.ts";
import { stateOf } from "./message-state.ts";
import { viewContent } from "./view-content.ts";
import { viewMessage } from "./view-message.ts";
import { reading } from "./with-mailbox.ts";

/** A message, and whether the caller has it already as it is, which may throw; null where he has said nothing of that. */
type Asked = MessageAsked & { isCurrent: ((state: MessageState) => boolean) | null };

/**
 * One message, parsed: headers and the text parts that make its body; attachments are described, not downloaded. Null where
 * the caller has it already: of that only the flags are read.
 */
export const getMessage =
  (needs: OneMessage & Pick<IncludeInMessages, "threadIdsOf">) =>
  async (caller: AppCaller, accountId: string, asked: Asked): Promise<Message | null> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const ref = refOf(needs, account, asked.id);
    const { isCurrent } = asked;
    const read = (mailbox: Mailbox) =>
      onMessage(needs, mailbox, account, { ...asked, ref }, async (found) => {
        if (isCurrent?.(await stateOf(mailbox, found, asked.id))) return null;
        return fetchWhole(mailbox, found);
      });
    const whole = await reading(needs, account, read, asked.signal);
    if (whole === null) return null;
    const { message } = await viewWhole(account, asked.id, whole);
    const [threadId] = await needs.threadIdsOf(account, [whole.fetched.summary]);
    return { ...message, ...(threadId !== undefined && { threadId }) };
  };

/** The same with the message's MIME tree; null where there is none to be had. */
export async function readMessage(needs: OneMessage, account: AccountRow, asked: MessageAsked): Promise<WholeMessage> {
  const ref = refOf(needs, account, asked.id);
  const read = (mailbox: Mailbox) =>
    onMessage(needs, mailbox, account, { ...asked, ref }, (found) => fetchWhole(mailbox, found));
  return viewWhole(account, asked.id, await reading(needs, account, read, asked.signal));
}

type WholeMessage = { message: Message; structure: Part | null };
type FetchedWhole = { fetched: Fetched; folderId: string };

async function fetchWhole(mailbox: Mailbox, { place, folder }: Found): Promise<FetchedWhole> {
  return { fetched: await mailbox.get(place, { headers: true, bodies: true }), folderId: folder.id };
}

async function viewWhole(account: AccountRow, id: string, { fetched, folderId }: FetchedWhole): Promise<WholeMessage> {
  const whole = { ...fetched, summary: wholeSummary(fetched) };
  const known = { id, accountId: account.id, folderIds: [folderId] };
  const message = { ...viewMessage(whole.summary, known), ...(await viewContent(whole)) };
  return { message, structure: whole.summary.structure };
}

/** A listing reads only so much of a header; here it is whole. */
function wholeSummary({ summary, header }: Fetched): Fetched["summary"] {
  if (header === undefined || !summary.warnings.includes("header-truncated")) return summary;
  const { envelope, warnings } = parseEnvelope(header);
  const others = summary.warnings.filter(
    (warning) => warning !== "header-truncated" && warning !== "address-unparseable",
  );
  return { ...summary, envelope, warnings: [...new Set([...others, ...warnings])] };
}
