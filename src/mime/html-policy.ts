/**
 * What of a stranger's HTML may be shown: by an allow-list, of elements and attributes that have no script, load nothing but
 * images, and make no form. Styles are `safe-style.ts`'s.
 */
export const allowedTags: string[] = [
  "a abbr address b big blockquote br center cite code dd del div dl dt em figcaption figure font h1 h2 h3 h4 h5 h6 hr i img ins kbd li",
  "ol p pre q s samp small span strike strong sub sup u ul var table caption colgroup col tbody tfoot thead td th tr",
].flatMap((names) => names.split(" "));

export const allowedAttributes: Record<string, string[]> = {
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
};

/** Elements whose content goes with them. */
export const nonTextTags: string[] = [
  "script style textarea option noscript title template iframe object svg math xmp noembed noframes plaintext audio video",
].flatMap((names) => names.split(" "));
