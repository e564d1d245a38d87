import sanitizeHtml from "sanitize-html";

const colour = /^(#[0-9a-f]{3,8}|[a-z]{3,20}|rgba?\([\d\s.,%]{3,40}\))$/i;
const length = /^-?\d{1,4}(\.\d{1,3})?(px|pt|em|ex|%)?$/i;
const lengths = /^(-?\d{1,4}(\.\d{1,3})?(px|pt|em|ex|%)?(\s+|$)){1,4}$|^auto$/i;
const word = /^[a-z-]{1,20}$/i;
const border = /^[#\w\s.(),%-]{1,60}$/;

const allowedTags = [
  "a abbr address b big blockquote br center cite code dd del div dl dt em figcaption figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li",
  "ol p pre q s samp small span strike strong sub sup u ul var table caption colgroup col tbody tfoot thead td th tr",
].flatMap((names) => names.split(" "));

const options: sanitizeHtml.IOptions = {
  allowedTags,
  allowedAttributes: {
    "*": ["align", "valign", "dir", "lang", "title", "style", "bgcolor", "width", "height"],
    a: ["href", "name"],
    blockquote: ["type"],
    font: ["color", "face", "size"],
    img: ["src", "alt", "border", "hspace", "vspace"],
    ol: ["start", "type"],
    table: ["border", "cellpadding", "cellspacing"],
    td: ["colspan", "rowspan", "nowrap"],
    th: ["colspan", "rowspan", "nowrap", "scope"],
    col: ["span"],
    colgroup: ["span"],
  },
  allowedStyles: {
    "*": {
      color: [colour],
      "background-color": [colour],
      "font-size": [length, word],
      "font-weight": [/^(\d{3}|[a-z]{4,8})$/i],
      "font-style": [word],
      "font-family": [/^[\w\s"',-]{1,200}$/],
      "text-align": [word],
      "text-decoration": [word],
      "vertical-align": [word, length],
      "line-height": [length, word],
      "white-space": [word],
      margin: [lengths],
      "margin-top": [length],
      "margin-right": [length],
      "margin-bottom": [length],
      "margin-left": [length],
      padding: [lengths],
      "padding-top": [length],
      "padding-right": [length],
      "padding-bottom": [length],
      "padding-left": [length],
      border: [border],
      "border-top": [border],
      "border-right": [border],
      "border-bottom": [border],
      "border-left": [border],
      "border-collapse": [word],
      width: [length],
      "max-width": [length],
      height: [length],
    },
  },
  allowedSchemes: ["http", "https", "mailto"],
  allowedSchemesByTag: { img: ["http", "https", "cid"] },
  allowedSchemesAppliedToAttributes: ["href", "src"],
  allowProtocolRelative: false,
  disallowedTagsMode: "discard",
  nonTextTags: [
    "script",
    "style",
    "textarea",
    "option",
    "noscript",
    "title",
    "template",
    "iframe",
    "object",
    "svg",
    "math",
  ],
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
