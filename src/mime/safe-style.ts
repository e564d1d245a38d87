/** Properties that move nothing over anything else, and whose values of words, numbers and colours load nothing. */
const properties = new Set(
  [
    "background-color background-position background-repeat background-size border border-collapse border-color border-radius",
    "border-spacing border-style border-width box-sizing caption-side clear color direction display empty-cells float",
    "font font-family font-size font-stretch font-style font-variant font-weight height letter-spacing line-height",
    "list-style list-style-position list-style-type margin max-height max-width min-height min-width opacity overflow",
    "overflow-wrap overflow-x overflow-y padding page-break-after page-break-before page-break-inside table-layout",
    "text-align text-decoration text-decoration-color text-decoration-line text-decoration-style text-indent",
    "text-overflow text-transform unicode-bidi vertical-align visibility white-space width word-break word-spacing word-wrap",
    ...["top", "right", "bottom", "left"].flatMap((side) => [
      `margin-${side} padding-${side} border-${side}`,
      `border-${side}-color border-${side}-style border-${side}-width`,
    ]),
    ...["top-left", "top-right", "bottom-left", "bottom-right"].map((corner) => `border-${corner}-radius`),
  ].flatMap((names) => names.split(" ")),
);
const loading = new Set(["background", "background-image"]);
/** Elsewhere less than nothing pulls a thing over its neighbours. */
const signed = new Set(["background-position", "letter-spacing", "text-indent", "word-spacing"]);

const token = new RegExp(
  [
    String.raw`-?(?:\d{1,5}(?:\.\d{1,6})?|\.\d{1,6})(?:px|pt|pc|em|ex|rem|ch|in|cm|mm|vw|vh|%)?`,
    "#[0-9a-f]{3,8}",
    String.raw`(?:rgb|hsl)a?\([\d\s.,%/]{1,60}\)`,
    String.raw`(?!url$)-?[a-z][\w-]{0,60}`,
    String.raw`"[\w\s.+-]{1,60}"|'[\w\s.+-]{1,60}'`,
    "[,/]",
  ].join("|"),
  "iy",
);
const url = /url\(\s*(?:"([^"]*)"|'([^']*)'|([^\s"'()]*))\s*\)/iy;

/** UTF-16 units of one style, and of one value in it. */
const maxStyle = 16 * 1024;
const maxValue = 4 * 1024;

/** What becomes of a URL that a style refers to: another one that is safe to load, or null for none. */
export type Load = (url: string) => string | null;

/**
 * A style attribute (CSS Style Attributes §3) with those declarations only that do no harm: layout, colours and fonts, in plain
 * numbers, words and colours. No position, transform, animation, content or cursor, no function but rgb() and hsl(), no escape,
 * no comment, and a URL only as the image of a background, if `load` gives one. "" where nothing is left. Linear time.
 */
export function safeStyle(style: string, load: Load): string {
  const kept: string[] = [];
  for (const declaration of declarations(style.slice(0, maxStyle))) {
    const colon = declaration.indexOf(":");
    const name = declaration.slice(0, colon).trim().toLowerCase();
    if (colon < 0 || !(properties.has(name) || loading.has(name))) continue;
    const given = declaration.slice(colon + 1).trim();
    const plain = given.replace(/!\s*important$/i, "").trimEnd();
    const value = safeValue(name, plain, load);
    if (value !== "") kept.push(`${name}:${value}${plain === given ? "" : " !important"}`);
  }
  return kept.join(";");
}

/** Split at semicolons that stand in no string and no brackets; brackets that never close hold the rest. */
function* declarations(style: string): Generator<string> {
  let start = 0;
  let depth = 0;
  let quote = "";
  for (let at = 0; at < style.length; at++) {
    const character = style[at] ?? "";
    if (character === "\\") at++;
    else if (quote !== "") quote = character === quote ? "" : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === "(") depth++;
    else if (character === ")") depth = Math.max(0, depth - 1);
    else if (character === ";" && depth === 0) {
      yield style.slice(start, at);
      start = at + 1;
    }
  }
  yield style.slice(start);
}

/** The value, put together anew from what is understood; "" where any of it is not. A URL that is not loaded is left out. */
function safeValue(name: string, value: string, load: Load): string {
  if (value.length > maxValue) return "";
  let safe = "";
  for (let at = 0; at < value.length;) {
    const space = skipSpace(value, at);
    if (space > at) {
      safe += " ";
      at = space;
      continue;
    }
    url.lastIndex = at;
    const loaded = loading.has(name) ? url.exec(value) : null;
    if (loaded) {
      const target = load(loaded[1] ?? loaded[2] ?? loaded[3] ?? "");
      if (target !== null) safe += `url("${target.replace(/[\\"'()<>\s]/g, percent)}")`;
      at = url.lastIndex;
      continue;
    }
    token.lastIndex = at;
    const found = token.exec(value)?.[0];
    if (found === undefined || (/^-[.\d]/.test(found) && !signed.has(name))) return "";
    safe += found;
    at += found.length;
    // A word that goes on as a function is none.
    if (value[at] === "(") return "";
  }
  return safe.trim();
}

function skipSpace(value: string, at: number): number {
  let end = at;
  while (/[ \t\n\r\f]/.test(value[end] ?? "")) end++;
  return end;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
