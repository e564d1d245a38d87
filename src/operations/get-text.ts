import type { Mailbox } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { decodeBodies } from "../mime/decode-body.ts";
import { htmlToText } from "../mime/html-to-text.ts";
import { replyOnly } from "../mime/reply-only.ts";
import { replyOnlyHtml } from "../mime/reply-only-html.ts";
import { pageOfText } from "../mime/show-text.ts";
import type { OneMessage } from "./find-message.ts";
import { type ShowAsked, showMessage, type Shown } from "./show-message.ts";

/** `source`: what of the message it was made from. */
type ShownText = Shown & { source: "text" | "html" };

/** A page of what a message says in plain text: its own text, or what its HTML says where it has none that says anything. */
export const getText =
  (needs: OneMessage) =>
  async (caller: AppCaller, accountId: string, asked: ShowAsked): Promise<ShownText | null> =>
    showMessage(needs, { caller, accountId }, asked, (mailbox, { place }) => show(mailbox, place, asked));

async function show(mailbox: Mailbox, place: Place, { from, isReplyOnly }: ShowAsked): Promise<ShownText> {
  const { bodies = [] } = await mailbox.get(place, { bodies: true });
  const { text, html, warnings } = await decodeBodies(bodies);
  if (html === null || (text ?? "").trim() !== "") {
    const given = text ?? "";
    return { ...pageOfText(isReplyOnly ? replyOnly(given) : given, from), source: "text", warnings };
  }
  const told = htmlToText(isReplyOnly ? replyOnlyHtml(html) : html);
  const all = told.isWhole ? warnings : [...new Set([...warnings, "body-truncated"])];
  return { ...pageOfText(told.text, from), source: "html", warnings: all };
}
