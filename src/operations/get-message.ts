import { Failure } from "../errors.ts";
import type { Fetched, Mailbox } from "../mail/mailbox.ts";
import type { Message } from "../mail/message.ts";
import type { Part } from "../mail/part.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { decodeBodies } from "../mime/decode-body.ts";
import { parseHeaders, references } from "../mime/headers.ts";
import { parseEnvelope } from "../mime/parse-envelope.ts";
import type { AccountRow } from "../store/rows.ts";
import { findAccount } from "./find-account.ts";
import { onMessage, refOf, type MessageAsked, type OneMessage } from "./find-message.ts";
import { viewMessage } from "./view-message.ts";
import { reading } from "./with-mailbox.ts";

/** One message, parsed: headers and the text parts that make its body; attachments are described, not downloaded. */
export const getMessage =
  (needs: OneMessage) =>
  async (caller: AppCaller, accountId: string, asked: MessageAsked): Promise<Message> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const { message } = await readMessage(needs, account, asked);
    return message;
  };

/** The same with the message's MIME tree; null where there is none to be had. */
export async function readMessage(
  needs: OneMessage,
  account: AccountRow,
  asked: MessageAsked,
): Promise<{ message: Message; structure: Part | null }> {
  const ref = refOf(needs, account, asked.id);
  const read = (mailbox: Mailbox) =>
    onMessage(needs, mailbox, account, { ...asked, ref }, async (found) => ({
      fetched: await mailbox.get(found.place, { headers: true, bodies: true }),
      folderId: found.folder.id,
    }));
  const { fetched, folderId } = await reading(needs, account, read, asked.signal);
  const known = { id: asked.id, accountId: account.id, folderIds: [folderId] };
  const whole = { ...fetched, summary: wholeSummary(fetched) };
  const message = { ...viewMessage(whole.summary, known), ...(await content(whole)) };
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

async function content(fetched: Fetched): Promise<Partial<Message>> {
  if (fetched.header === undefined || fetched.bodies === undefined)
    throw new Failure("upstream-protocol-error", "The mail server left the message's header out of its answer.");
  const headers = parseHeaders(fetched.header);
  const { text, html, warnings } = await decodeBodies(fetched.bodies);
  return {
    references: references(headers),
    text,
    html,
    headers,
    warnings: [...new Set([...fetched.summary.warnings, ...warnings])],
  };
}
