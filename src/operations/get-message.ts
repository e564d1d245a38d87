import { Failure } from "../errors.ts";
import type { Fetched } from "../mail/mailbox.ts";
import type { Message } from "../mail/message.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { decodeText } from "../mime/decode-body.ts";
import { parseHeaders, references } from "../mime/headers.ts";
import { findAccount } from "./find-account.ts";
import { onMessage, refOf, type MessageAsked, type OneMessage } from "./find-message.ts";
import { viewMessage } from "./view-message.ts";
import { reading } from "./with-mailbox.ts";

/** One message, parsed: headers and the text parts that make its body; attachments are described, not downloaded. */
export const getMessage =
  (needs: OneMessage) =>
  async (caller: AppCaller, accountId: string, asked: MessageAsked): Promise<Message> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const ref = refOf(needs, account, asked.id);
    const { fetched, folderId } = await reading(needs, account, (mailbox) =>
      onMessage(needs, mailbox, account, { ...asked, ref }, async (found) => ({
        fetched: await mailbox.get(found.place, { headers: true, bodies: true }),
        folderId: found.folder.id,
      })),
    );
    const known = { id: asked.id, accountId: account.id, folderIds: [folderId] };
    return { ...viewMessage(fetched.summary, known), ...(await content(fetched)) };
  };

async function content(fetched: Fetched): Promise<Partial<Message>> {
  if (fetched.header === undefined || fetched.bodies === undefined)
    throw new Failure("upstream-protocol-error", "The mail server left the message's header out of its answer.");
  const headers = parseHeaders(fetched.header);
  const warnings = [...fetched.summary.warnings];
  const bodies = { text: null as string | null, html: null as string | null };
  for (const { part, bytes, truncated } of fetched.bodies) {
    const decoded = await decodeText(part, bytes);
    warnings.push(...decoded.warnings);
    if (truncated) warnings.push("body-truncated");
    const kind = part.contentType === "text/html" ? "html" : "text";
    bodies[kind] = bodies[kind] === null ? decoded.text : `${bodies[kind]}\n${decoded.text}`;
  }
  return { references: references(headers), ...bodies, headers, warnings: [...new Set(warnings)] };
}
