import type { Mailbox } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";
import type { Part } from "../mail/part.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { decodeBodies } from "../mime/decode-body.ts";
import { decodeTransfer } from "../mime/decode-transfer.ts";
import { type CidImages, cidImages } from "../mime/embed-images.ts";
import { replyOnly } from "../mime/reply-only.ts";
import { replyOnlyHtml } from "../mime/reply-only-html.ts";
import { sanitizeHtml } from "../mime/sanitize-html.ts";
import { showText } from "../mime/show-text.ts";
import type { OneMessage } from "./find-message.ts";
import { type ShowAsked, showMessage, type Shown } from "./show-message.ts";

type HtmlAsked = ShowAsked & {
  /** Whether images are loaded from elsewhere. */
  remote: "block" | "allow";
  /** Whether the images that the message brings along are put into the page. */
  images: "embed" | "omit";
};

/** `remoteBlocked`: references in the whole message to images elsewhere that `remote: "allow"` would bring. */
type ShownHtml = Shown & { remoteBlocked: number };

/**
 * A page of a message as HTML that is safe to show; of one that has only text, that. Reading it is bounded by `maxBodyBytes` for each
 * part, and sanitising it, which holds the process up, by what `sanitizeHtml` reads of it.
 */
export const getHtml =
  (needs: OneMessage) =>
  async (caller: AppCaller, accountId: string, asked: HtmlAsked): Promise<ShownHtml | null> =>
    showMessage(needs, { caller, accountId }, asked, (mailbox, { place }) => show(mailbox, place, asked));

async function show(mailbox: Mailbox, place: Place, asked: HtmlAsked): Promise<ShownHtml> {
  const { bodies = [], summary } = await mailbox.get(place, { bodies: true });
  const { text, html, warnings } = await decodeBodies(bodies);
  const { from, remote, isReplyOnly } = asked;
  if (html === null) {
    const { html: page, next } = showText(isReplyOnly ? replyOnly(text ?? "") : (text ?? ""), from);
    return { page, next, remoteBlocked: 0, warnings };
  }
  const given = isReplyOnly ? replyOnlyHtml(html) : html;
  const images = asked.images === "omit" || summary.structure === null ? null : cidImages(summary.structure);
  const safe = sanitizeHtml(given, { remote, from, resolveCid: images?.resolveCid ?? (() => null) });
  return {
    page: images ? await withImages(mailbox, place, safe.html, images) : safe.html,
    next: safe.next,
    remoteBlocked: safe.remoteBlocked,
    warnings: safe.isWhole ? warnings : [...new Set([...warnings, "body-truncated"])],
  };
}

/** The page with the images that it shows in it. */
async function withImages(mailbox: Mailbox, place: Place, page: string, images: CidImages): Promise<string> {
  const contents = new Map<Part, Uint8Array>();
  for (const { part, bytes, truncated } of await mailbox.parts(place, images.shownOn(page))) {
    if (!truncated) contents.set(part, await decoded(part, bytes));
  }
  return images.embed(page, contents);
}

async function decoded({ encoding }: Part, bytes: Uint8Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const one = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
  };
  for await (const piece of decodeTransfer(encoding, one())) pieces.push(piece);
  return Buffer.concat(pieces);
}
