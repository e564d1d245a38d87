import sanitizeHtml from "sanitize-html";
import { allowedAttributes, allowedTags, nonTextTags } from "./html-policy.ts";
import { safeStyle } from "./safe-style.ts";

const options: sanitizeHtml.IOptions = {
  allowedTags,
  allowedAttributes,
  nonTextTags,
  transformTags: {
    "*": (tagName, { style, ...attribs }) => {
      const safe = style === undefined ? "" : safeStyle(style, () => null);
      return { tagName, attribs: safe === "" ? attribs : { ...attribs, style: safe } };
    },
  },
  parseStyleAttributes: false,
  allowedSchemes: ["http", "https", "mailto"],
  allowedSchemesByTag: { img: ["http", "https", "cid"] },
  allowedSchemesAppliedToAttributes: ["href", "src"],
  allowProtocolRelative: false,
  disallowedTagsMode: "discard",
  enforceHtmlBoundary: false,
  nestingLimit: 200,
};

/** UTF-16 units and angle brackets of HTML that are read: far more than people write, and what a parser takes a tenth of a second for, however it is nested. */
const maxHtml = 1024 * 1024;
const maxBrackets = 20_000;

export type Fragment = {
  html: string;
  /** False where only the beginning was read. */
  isWhole: boolean;
};

/**
 * The HTML of a stranger as a fragment that does no harm where it is put: balanced, only elements of text, tables and images, links to
 * http, https and mailto, images from http, https and by `cid:`, a few styles. No html, head or body element; what stood in a body stays.
 * Images from elsewhere are not loaded here: that is up to whoever shows the message.
 */
export function sanitizeFragment(html: string): Fragment {
  const end = endOf(html);
  return { html: sanitizeHtml(html.slice(0, end), options).trim(), isWhole: end === html.length };
}

function endOf(html: string): number {
  let brackets = 0;
  for (let at = html.indexOf("<"); at >= 0 && at < maxHtml; at = html.indexOf("<", at + 1)) {
    if (++brackets > maxBrackets) return at;
  }
  return Math.min(html.length, maxHtml);
}

const blockEnds = /<\/(?:address|blockquote|center|dd|div|dl|dt|figcaption|figure|h[1-6]|li|ol|p|pre|table|tr|ul)>/g;
const entities: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&nbsp;": " " };

/** What a fragment of `sanitizeFragment` says, as plain text: for an original that has no text of its own. */
export function fragmentText(fragment: string): string {
  return fragment
    .replace(/\s+/g, " ")
    .replace(/<br \/>|<hr \/>/g, "\n")
    .replace(blockEnds, "\n")
    .replace(/<\/t[dh]>/g, "\t")
    .replace(/<[^>]*>/g, "")
    .replace(/&(?:amp|lt|gt|quot|nbsp);/g, (entity) => entities[entity] ?? entity)
    .replace(/[ \t\u00a0]*\n[ \t\u00a0]*/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** The content ids that a fragment refers to by `cid:`. */
export function referredIds(fragment: string): Set<string> {
  const found = [...fragment.matchAll(/\ssrc="cid:([^"]{1,1000})"/gi)].flatMap(([, id]) => (id ? [decoded(id)] : []));
  return new Set(found);
}

function decoded(id: string): string {
  const text = id.replace(/&(?:amp|quot|lt|gt);/g, (entity) => entities[entity] ?? entity);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
