import { htmlToText } from "./html-to-text.ts";
import { parseHtml } from "./parse-html.ts";
import { isAttribution, outlookField } from "./quote-marks.ts";

/** UTF-16 units of a block's text that are kept, to know an attribution by. */
const maxText = 900;

type Cut = { start: number; end: number };
type Element = {
  name: string;
  start: number;
  /** What of it goes: nothing; itself; all that follows too; or itself unless quotes inside it were cut already. */
  fate: "nothing" | "itself" | "rest" | "unless-cut";
  quotesBefore: number;
  isRuled: boolean;
  text: string;
};

/**
 * The same of HTML as it was sent: without what mail programs mark as quoted (Gmail, Outlook, Thunderbird, Apple Mail, Yahoo, Proton,
 * Zoho, GMX and others), the line above that says who wrote, and signatures that are marked as such. What comes out is no safer than what
 * went in, and may end with elements open: it is for `sanitizeHtml` or `htmlToText`. Answers between quotes stay. Where
 * nothing would be left, and where too little of the HTML can be read (`parseHtml`), it comes back as it is. Linear time.
 */
export function replyOnlyHtml(html: string): string {
  const cuts: Cut[] = [];
  const open: Element[] = [];
  /** The last text on a line of its own, with nothing but white space since. */
  let line: (Cut & { text: string; isOver: boolean }) | null = null;
  let rest = html.length;
  let quotes = 0;

  const end = parseHtml(html, (parser) => ({
    onopentag(name, attributes) {
      const start = parser.startIndex;
      const inner = open.at(-1);
      if (line && (name === "br" || isBlock(name))) line.isOver = true;
      if (inner && name === "br") inner.text += "\n";
      if (voidTags.has(name)) {
        if (attributes["data-marker"] === "__DIVIDER__" || attributes["id"] === "zwchr") rest = Math.min(rest, start);
        return;
      }
      const fate = fateOf(name, attributes);
      if (fate === "rest") rest = Math.min(rest, start);
      if (fate === "itself" && line && isAttribution(line.text)) cuts.push(line);
      if (fate !== "nothing") line = null;
      const isRuled = /border-top\s*:\s*solid/i.test(attributes["style"]?.slice(0, maxText) ?? "");
      open.push({ name, start, fate, quotesBefore: quotes, isRuled, text: "" });
    },
    ontext(text) {
      const inner = open.at(-1);
      if (inner && inner.text.length < maxText) inner.text += text.slice(0, maxText);
      const isNew = line === null || line.isOver;
      if (isNew && text.trim() === "") return;
      if (line === null || line.isOver) line = { start: parser.startIndex, end: 0, text: "", isOver: false };
      line.end = parser.endIndex + 1;
      if (line.text.length < maxText) line.text += text.slice(0, maxText);
    },
    onclosetag(name, isImplied) {
      if (voidTags.has(name)) return;
      const element = open.pop();
      if (element === undefined) return;
      const { start, text, fate } = element;
      const outer = open.at(-1);
      if (line && isBlock(name)) line.isOver = true;
      if (outer && outer.text.length < maxText && !isBlock(name)) outer.text += text;
      if (fate === "itself" || (fate === "unless-cut" && element.quotesBefore === quotes)) {
        if (name === "blockquote") quotes++;
        cuts.push({ start, end: isImplied ? Math.max(start, parser.startIndex) : parser.endIndex + 1 });
      } else if (isBlock(name) && isOutlookHeader(text)) {
        rest = Math.min(rest, outer?.isRuled ? outer.start : start);
      }
    },
  }));

  if (end < html.length || (cuts.length === 0 && rest === html.length)) return html;
  const own = without(html, [...cuts, { start: rest, end: html.length }]);
  return htmlToText(own).text.trim() === "" && !/<img\b/i.test(own) ? html : own;
}

const voidTags = new Set(
  "area base basefont br col embed frame hr img input link meta param source track wbr".split(" "),
);

function isBlock(name: string): boolean {
  return /^(?:div|p|td|blockquote|h[1-6]|li|pre)$/.test(name);
}

function fateOf(name: string, attributes: Record<string, string>): Element["fate"] {
  const classes = (attributes["class"] ?? "").slice(0, 500);
  const id = attributes["id"] ?? "";
  const has = (pattern: RegExp) => pattern.test(classes) || pattern.test(id);
  if (has(/^(?:x_)*(?:divRplyFwdMsg|appendonsend|OLK_SRC_BODY_SECTION|OutlookMessageHeader)$/)) return "rest";
  if (
    has(/(?:^|[\s_])(?:gmail_attr|moz-cite-prefix|gmail_signature|moz-signature|protonmail_signature_block)(?:$|[\s-])/)
  )
    return "itself";
  if (/^(?:x_)*(?:Signature|ms-outlook-mobile-signature|AppleMailSignature)$/.test(id)) return "itself";
  if (name === "blockquote") {
    const isCite =
      attributes["type"]?.toLowerCase() === "cite" || has(/quote|zmail/i) || attributes["cite"] !== undefined;
    return isCite ? "itself" : "nothing";
  }
  if (has(/(?:^|\s)(?:yahoo_quoted|ymail_quoted|zmail_extra|protonmail_quote|tutanota_quote)/)) return "itself";
  if (attributes["name"] === "quote" || attributes["data-marker"] === "__QUOTED_TEXT__") return "itself";
  return has(/(?:^|\s)(?:x_)*gmail_quote/) ? "unless-cut" : "nothing";
}

/** Outlook for Windows marks nothing: a paragraph of its fields with a line above it. */
function isOutlookHeader(text: string): boolean {
  const kinds = new Set(
    text
      .slice(0, maxText)
      .split(
        /\n|(?=\b(?:Sent|Date|To|Subject|Gesendet|An|Betreff|Envoyé|À|Objet|Enviado|Para|Asunto|Inviato|A|Oggetto|Verzonden|Aan|Onderwerp|Assunto|Wysłano|Do|Temat|Skickat|Till|Ämne|Sendt|Til|Emne|送信日時|宛先|件名|发送时间|收件人|主题)\s?[:：])/u,
      )
      .map((line) => outlookField(`${line} `)),
  );
  kinds.delete(null);
  return kinds.has("from") && kinds.size >= 3;
}

/** Cuts may lie in one another. */
function without(html: string, cuts: Cut[]): string {
  let kept = "";
  let at = 0;
  for (const { start, end } of cuts.toSorted((a, b) => a.start - b.start)) {
    if (start > at) kept += html.slice(at, start);
    at = Math.max(at, end);
  }
  return kept + html.slice(at);
}
