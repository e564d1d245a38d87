import type { Attachment, Message } from "../mail/message.ts";
import type { ReplyAction, SubmissionInput } from "../mail/submission.ts";
import type { AttachmentContent } from "../mime/build-message.ts";
import { checkEmail } from "../mime/check-address.ts";
import { forwardHtml, forwardText, type Quoted, quoteHtml, quoteText } from "../mime/quote.ts";
import { type ReplyHeader, replyTo } from "../mime/reply-to.ts";
import { fragmentText, referredIds, sanitizeFragment } from "../mime/sanitize-fragment.ts";
import type { AccountRow } from "../store/rows.ts";
import { type Asking, type AttachmentNeeds, referredTo } from "./attachment-content.ts";
import { readMessage } from "./get-message.ts";

/** What an answer or a forward has from its original. */
export type Reply = ReplyHeader & {
  text: string | undefined;
  html: string | undefined;
  attachments: AttachmentContent[];
};

type ReplyAsked = SubmissionInput & { inReplyTo: string };

/**
 * Reads the original once, and makes of it what the input leaves open. Its attachments are referred to and read later.
 * Fails `not-found` and `message-gone` for the original, `no-incoming`, and as reading does.
 */
export async function replyMessage(needs: AttachmentNeeds, asking: Asking, input: ReplyAsked): Promise<Reply> {
  const { account, signal } = asking;
  const id = input.inReplyTo;
  const { message, structure } = await readMessage(needs, account, { id, folder: null, signal });
  const action = input.action ?? "reply";
  const header = replyTo({ ...message, references: message.references ?? [] }, ownAddresses(account, input), action);
  const { text, html, ids } = bodies(input, message, action);
  const own = new Set(input.attachments.map(({ contentId }) => contentId));
  const isTaken = ({ contentId }: Attachment): boolean =>
    contentId !== null && ids.has(contentId) && !own.has(contentId);
  const takesAll = input.includeAttachments ?? action === "forward";
  const taken = (message.attachments ?? []).filter((attachment) => takesAll || isTaken(attachment));
  const attachments = taken.flatMap((attachment) => {
    const content = referredTo(needs, asking, id, attachment.id, structure);
    if (content === null) return [];
    return [isTaken(attachment) ? { ...content, inline: true } : { ...content, contentId: undefined, inline: false }];
  });
  return { ...header, text, html, attachments };
}

/** Whatever the account is written to by. */
function ownAddresses(account: AccountRow, { from }: SubmissionInput): string[] {
  const names = [account.incoming, account.outgoing].flatMap((server) => (server ? [server.auth.username] : []));
  const addresses = [...names, from?.email ?? ""].filter((name) => checkEmail(name) === null);
  return [account.email, ...addresses];
}

type Bodies = {
  text: string | undefined;
  html: string | undefined;
  /** Content ids of images that the quoted HTML shows. */
  ids: Set<string>;
};

/**
 * The caller's own text and HTML with the original below. Who gives one of the two gets that one; who gives none gets what the original has. A
 * forward of an HTML message is HTML in any case, for its look is what is passed on.
 */
function bodies(input: SubmissionInput, message: Message, action: ReplyAction): Bodies {
  const { text, html } = input;
  const isForward = action === "forward";
  if (!(input.quote ?? isForward)) return { text, html, ids: new Set() };
  const quoted = quotedOf(message);
  const isHtml = message.html !== null && message.html !== undefined;
  const wantsHtml = html !== undefined || (isHtml && (isForward || text === undefined));
  const wantsText = text !== undefined || html === undefined;
  const [below, belowHtml] = isForward ? [forwardText, forwardHtml] : [quoteText, quoteHtml];
  return {
    text: wantsText ? above(text ?? "", below(quoted)) : undefined,
    html: wantsHtml ? (html ?? asHtml(text ?? "")) + belowHtml(quoted) : undefined,
    ids: wantsHtml ? referredIds(belowHtml(quoted)) : new Set(),
  };
}

function quotedOf(message: Message): Quoted {
  const { from, to, cc, subject, date } = message;
  const fragment = message.html ? sanitizeFragment(message.html) : null;
  const text = message.text ?? (fragment && fragmentText(fragment.html));
  const safeHtml = fragment?.isWhole === true ? fragment.html : null;
  return { from, to, cc, subject, date: date === null ? null : Date.parse(date), text, safeHtml };
}

/** With an empty line between, if anything stands above. */
function above(text: string, original: string): string {
  return text === "" ? original : `${text.trimEnd()}\n\n${original}`;
}

function asHtml(text: string): string {
  if (text === "") return "";
  const escaped = text.replace(/[&<>]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[character] ?? "");
  return `<div style="white-space:pre-wrap">${escaped}</div><br>`;
}
