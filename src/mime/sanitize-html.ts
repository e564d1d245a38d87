import sanitize from "sanitize-html";
import { allowedAttributes, allowedTags, nonTextTags } from "./html-policy.ts";
import { pageOf } from "./html-page.ts";
import { parseHtml } from "./parse-html.ts";
import { safeStyle } from "./safe-style.ts";

export type SanitizeOptions = {
  /** Whether images are loaded from elsewhere, which tells their owner that, when and where the message was read. */
  remote: "block" | "allow";
  /**
   * The URL of the part with this Content-ID (RFC 2392 §2; without angle brackets, percent-encoding undone), or null where
   * there is none. It is trusted: what it gives is put in as it is, escaped. http, https, data and relative URLs.
   */
  resolveCid: (contentId: string) => string | null;
  /** Where the page begins: `next` of the page before; 0 by default. */
  from?: number;
  /** UTF-16 units of a page, 1 MiB by default. */
  maxLength?: number;
};

export type SanitizedHtml = {
  html: string;
  /** References to images elsewhere in the whole message that were left out, and that `remote: "allow"` would bring. */
  remoteBlocked: number;
  /** Where the next page begins; null where this is the last one. */
  next: number | null;
  /** False where the message is longer or more tangled than what is read of one: then what comes behind is on no page. */
  isWhole: boolean;
};

const pageLength = 1024 * 1024;
/** UTF-16 units of a URL, as most servers take it, and of an image that is a URL itself (RFC 2397). */
const maxUrl = 8 * 1024;
const maxDataImage = 256 * 1024;
/** UTF-16 units of any other attribute: a page grows by what its tags hold. Longer ones are left out. */
const maxAttribute = 2000;
/** SVG has scripts, and is no image of this kind. */
const dataImage = /^data:image\/(?:png|gif|jpe?g|webp|bmp);base64,[A-Za-z0-9+/\s]+={0,2}$/i;

const tags = new Set(
  [...allowedTags, "area article aside bdi bdo footer header main map mark nav section wbr"].flatMap((names) =>
    names.split(" "),
  ),
);
const attributes: Record<string, string[]> = {
  ...allowedAttributes,
  "*": [...(allowedAttributes["*"] ?? []), "background"],
  a: ["href", "name", "rel", "target"],
  area: ["href", "rel", "target", "alt", "coords", "shape"],
  img: [...(allowedAttributes["img"] ?? []), "referrerpolicy", "usemap"],
  map: ["name"],
};

/** What is passed on only as it was checked, or put there by us. */
const checked = new Set(["style", "href", "src", "background", "usemap", "rel", "target", "referrerpolicy"]);

/**
 * A message's HTML as a stranger wrote it, made safe to show by an allow-list (RFC 2854's elements of text, tables and
 * images, `safe-style.ts`'s styles, links to http, https, mailto and tel). It is a fragment, balanced: no html, head or body
 * element; a body's colours and background are on a `div`. No script, style sheet, form, frame, object, svg, and no relative
 * URL. `style` elements and what they load are left out in any case, and are not counted. Links open elsewhere, and tell
 * nobody where they were followed from. Show it on a page of its own with `htmlPolicy`, all the same.
 *
 * What is long comes in pages, each of them balanced: what stands open at its end is closed there and opened anew on the next,
 * which comes on top of `maxLength`. `next` holds for the same message and options; each page costs reading all of it.
 *
 * Bounded time, a second or so for whatever it is; never fails.
 */
export function sanitizeHtml(
  html: string,
  { remote, resolveCid, from = 0, maxLength }: SanitizeOptions,
): SanitizedHtml {
  let remoteBlocked = 0;

  /** An image's URL as it is to be loaded: null where it is not. */
  function image(value: string): string | null {
    if (value.length > maxUrl)
      return value.length <= maxDataImage && dataImage.test(value.trim()) ? value.trim() : null;
    const url = absolute(value);
    if (url?.protocol === "cid:") return resolveCid(contentIdOf(url));
    if (url?.protocol === "data:") return dataImage.test(value.trim()) ? value.trim() : null;
    if (url?.protocol !== "http:" && url?.protocol !== "https:") return null;
    if (remote === "allow") return url.href;
    remoteBlocked++;
    return null;
  }

  function safeAttributes(name: string, given: sanitize.Attributes): sanitize.Attributes {
    const { style, href, src, srcset, background, usemap } = given;
    const safe = Object.fromEntries(
      Object.entries(given).filter(([attribute, value]) => !checked.has(attribute) && value.length <= maxAttribute),
    );
    const source = src ?? firstOf(srcset);
    if (name === "img" && source !== undefined) Object.assign(safe, sourceOf(image(source)));
    if (name === "img" && usemap !== undefined && /^#[\w.-]{1,100}$/.test(usemap)) safe["usemap"] = usemap;
    if ((name === "a" || name === "area") && href !== undefined) Object.assign(safe, linkTo(href));
    const backgroundUrl = background === undefined ? null : image(background);
    if (backgroundUrl !== null) safe["background"] = backgroundUrl;
    const safer = style === undefined ? "" : safeStyle(style, image);
    if (safer !== "") safe["style"] = safer;
    return safe;
  }

  const end = parseHtml(html, () => ({}));
  const safe = sanitize(html.slice(0, end), {
    allowedTags: [...tags],
    allowedAttributes: attributes,
    nonTextTags,
    transformTags: {
      "*": (name, given) => {
        const tagName = name === "body" ? "div" : name;
        return { tagName, attribs: tags.has(tagName) ? safeAttributes(tagName, given) : {} };
      },
    },
    // All of them are checked above. Here is a second look.
    allowedSchemes: ["http", "https", "data"],
    allowedSchemesByTag: { a: ["http", "https", "mailto", "tel"], area: ["http", "https", "mailto", "tel"] },
    parseStyleAttributes: false,
    disallowedTagsMode: "discard",
    nestingLimit: 500,
    selfClosing: ["area", "br", "col", "hr", "img", "wbr"],
  });
  return { ...pageOf(safe, from, maxLength ?? pageLength), remoteBlocked, isWhole: end === html.length };
}

/**
 * The Content-Security-Policy (CSP 3) for a page with what `sanitizeHtml` gives: should something have got through, it runs no
 * script, sends no form, and loads nothing but images, from elsewhere only where that is wanted.
 *
 * @param images further sources of images, such as the origin that `resolveCid` names; 'self' and data: are among them always
 */
export function htmlPolicy(remote: "block" | "allow", images: string[] = []): string {
  const sources = ["'self'", "data:", ...images, ...(remote === "allow" ? ["http:", "https:"] : [])];
  return [
    "sandbox allow-popups allow-popups-to-escape-sandbox",
    "default-src 'none'",
    `img-src ${sources.join(" ")}`,
    "style-src 'unsafe-inline'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/** As a browser reads it (WHATWG URL); null where it is relative or none: a message has no place that it could be relative to. */
function absolute(value: string): URL | null {
  const url = URL.parse(value, "https://relative.invalid");
  return url?.hostname === "relative.invalid" ? null : url;
}

function linkTo(href: string): sanitize.Attributes {
  if (href.length > maxUrl) return {};
  if (/^#[\w.-]{1,100}$/.test(href)) return { href };
  const url = absolute(href);
  if (url === null || !["http:", "https:", "mailto:", "tel:"].includes(url.protocol)) return {};
  return { href: url.href, rel: "noopener noreferrer nofollow", target: "_blank" };
}

function sourceOf(url: string | null): sanitize.Attributes {
  return url === null ? {} : { src: url, referrerpolicy: "no-referrer" };
}

/** An image without a src: the first one of its srcset. */
function firstOf(srcset: string | undefined): string | undefined {
  return srcset === undefined ? undefined : /^[\s,]*([^\s]+?),?(?:\s|$)/.exec(srcset.slice(0, maxUrl))?.[1];
}

function contentIdOf(url: URL): string {
  const encoded = url.href.slice("cid:".length);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
