import { parseHtml } from "./parse-html.ts";
import { makeTextLines } from "./text-lines.ts";

/** Elements whose content is no text of the message. */
const skippedTags = new Set(
  "script style head title template noscript svg math object iframe textarea select audio video xmp noembed noframes".split(
    " ",
  ),
);
const blocks = new Set(
  [
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form header html",
    "legend li main nav ol section summary table tbody tfoot thead tr ul",
  ].flatMap((names) => names.split(" ")),
);
const paragraphs = new Set("h1 h2 h3 h4 h5 h6 p pre".split(" "));

/** UTF-16 units of text that are made at most; of a link, and of its text that is compared with it. */
const maxText = 1024 * 1024;
const maxUrl = 2000;

/** Whether what is not shown is part of the text (no), and whether links tell where they lead (yes). */
export type HtmlTextOptions = { withHidden?: boolean; withUrls?: boolean };

export type HtmlText = {
  /** LF line ends, none at the end. */
  text: string;
  /** False where only the beginning was read. */
  isWhole: boolean;
};

type Link = { url: string; text: string };

/**
 * What a message's HTML says, as plain text: for one that has no text of its own. Blocks are lines, paragraphs stand apart,
 * lists have their marks, quotes `> ` before each line, cells of a row a tab between them; a link is `text <url>`, or one of
 * the two where they are the same; an image is its `alt`. What is not shown (`display:none` and the like, as preheaders have
 * it) is left out by default. 1 MiB at most, in bounded time; never fails.
 */
export function htmlToText(html: string, { withHidden = false, withUrls = true }: HtmlTextOptions = {}): HtmlText {
  const lines = makeTextLines();
  /** The elements that are open, each with what it ends. */
  const open: { name: string; isSkipped: boolean; isPre: boolean; link: Link | null; isIndented: boolean }[] = [];
  const links: Link[] = [];
  const counters: (number | null)[] = [];
  let skipped = 0;
  let pre = 0;
  let isFull = false;

  function openTag(name: string, attributes: Record<string, string>): void {
    const isSkipped = skippedTags.has(name) || (!withHidden && isHidden(attributes));
    const entry = { name, isSkipped, isPre: name === "pre", link: null as Link | null, isIndented: false };
    open.push(entry);
    if (isSkipped) skipped++;
    if (skipped > 0) return;
    if (paragraphs.has(name)) lines.block(1);
    else if (blocks.has(name)) lines.block(0);
    if (entry.isPre) pre++;
    if (name === "br") lines.lineBreak();
    else if (name === "hr") rule();
    else if (name === "img") say(attributes["alt"]?.trim() ?? "");
    else if (name === "a") links.push((entry.link = { url: linkUrl(attributes["href"] ?? ""), text: "" }));
    else if (name === "ul" || name === "ol") counters.push(name === "ul" ? null : firstNumber(attributes["start"]));
    else if (name === "li") indent(entry, listMark(), true);
    else if (name === "dd") indent(entry, "  ", false);
    else if (name === "blockquote") indent(entry, "> ", false);
  }

  function closeTag(name: string): void {
    const entry = open.pop();
    if (entry === undefined) return;
    if (entry.isSkipped) skipped--;
    if (skipped > 0 || entry.isSkipped) return;
    if (entry.isPre) pre--;
    if (entry.link !== null) links.pop();
    if (withUrls && entry.link !== null && isTold(entry.link)) say(` <${entry.link.url}>`);
    if (entry.isIndented) lines.outdent();
    if (name === "ul" || name === "ol") counters.pop();
    if (name === "td" || name === "th") lines.cell();
    if (paragraphs.has(name)) lines.block(1);
    else if (blocks.has(name)) lines.block(0);
  }

  function say(text: string): void {
    const plain = text.replaceAll("\u00a0", " ").replaceAll("\u00ad", "");
    const link = links.at(-1);
    if (link && link.text.length <= maxUrl) link.text += text;
    if (pre > 0) lines.keep(plain);
    else lines.flow(plain);
  }

  function rule(): void {
    lines.block(0);
    lines.flow("-".repeat(20));
    lines.block(0);
  }

  function indent(entry: { isIndented: boolean }, mark: string, isFirstOnly: boolean): void {
    lines.indent(mark, isFirstOnly);
    entry.isIndented = true;
  }

  function listMark(): string {
    const count = counters.at(-1) ?? null;
    if (count === null) return "- ";
    counters[counters.length - 1] = count + 1;
    return `${count}. `;
  }

  const end = parseHtml(html, () => ({
    onopentag(name, attributes) {
      openTag(name, attributes);
    },
    ontext(text) {
      isFull ||= lines.length > maxText;
      if (skipped === 0 && !isFull) say(text);
    },
    onclosetag(name) {
      closeTag(name);
    },
  }));
  const text = lines.text();
  isFull ||= text.length > maxText;
  return { text: text.slice(0, maxText).toWellFormed(), isWhole: end === html.length && !isFull };
}

/** As senders hide preheaders. A font of no size hides nothing: its children have their own. */
function isHidden(attributes: Record<string, string>): boolean {
  if (attributes["hidden"] !== undefined) return true;
  const style = attributes["style"]?.slice(0, maxUrl) ?? "";
  return /(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|(?:max-height|opacity)\s*:\s*0(?:px)?\s*(?:!|;|$))/i.test(
    style,
  );
}

/** "" for what leads nowhere outside of a browser, or is too long to read. */
function linkUrl(href: string): string {
  const url = href.replace(/[\t\n\r]/g, "").trim();
  if (url.length > maxUrl || !/^(?:https?:|mailto:|tel:)./i.test(url)) return "";
  return url.replace(/[\s<>]/g, encodeURIComponent);
}

/** Whether a link's text says something else than where it leads. One without text is a picture's, and says nothing. */
function isTold({ url, text }: Link): boolean {
  return url !== "" && text.trim() !== "" && bare(text) !== bare(url);
}

function bare(text: string): string {
  return text
    .slice(0, maxUrl)
    .trim()
    .toLowerCase()
    .replace(/^(?:https?:\/\/|mailto:|tel:)/, "")
    .replace(/\/$/, "");
}

function firstNumber(start: string | undefined): number {
  return start !== undefined && /^-?\d{1,6}$/.test(start) ? Number(start) : 1;
}
