const token = /<(\/?)([a-z][a-z0-9]*)[^>]*>|[^<]+/y;
const empty = new Set(["area", "br", "col", "hr", "img", "wbr"]);

/**
 * A page of safe HTML that is balanced and has `>` in no attribute: what begins at `from`, where an earlier page ended, and
 * `maxLength` of it at most, or one tag where that is longer; both in UTF-16 units of the whole. What is open where a page
 * begins is opened anew there, what is open at its end is closed: that comes on top.
 */
export function pageOf(html: string, from: number, maxLength: number): { html: string; next: number | null } {
  if (from === 0 && html.length <= maxLength) return { html, next: null };
  const open: { name: string; tag: string }[] = [];
  let reopened: string | null = null;
  let page = "";
  token.lastIndex = 0;
  for (let at = 0; at < html.length; at = token.lastIndex) {
    const found = token.exec(html);
    if (found === null) break;
    const [whole, slash, name] = found;
    if (token.lastIndex > from) {
      reopened ??= open.map(({ tag }) => tag).join("");
      const start = name === undefined ? Math.max(at, from) : at;
      const room = maxLength - page.length;
      if (slash !== "/" && token.lastIndex - start > room && (name === undefined || page !== "")) {
        const end = name === undefined ? start + cutText(html.slice(start, start + room + 10), room) : start;
        return { html: reopened + page + html.slice(start, end) + closing(open), next: end };
      }
      page += html.slice(start, token.lastIndex);
    }
    if (name === undefined || empty.has(name)) continue;
    if (slash === "/") open.pop();
    else open.push({ name, tag: whole });
  }
  return { html: (reopened ?? "") + page, next: null };
}

function closing(open: { name: string }[]): string {
  return open
    .map(({ name }) => `</${name}>`)
    .toReversed()
    .join("");
}

/** Where a text of more than `room` units is cut: behind a space if there is one near, and inside no character and no reference. */
function cutText(text: string, room: number): number {
  if (room <= 0) return 0;
  const space = text.lastIndexOf(" ", room - 1);
  if (space > room - 200 && space > 0) return space + 1;
  const ampersand = text.lastIndexOf("&", room - 1);
  if (ampersand > room - 6 && text.indexOf(";", ampersand) >= room) return ampersand > 0 ? ampersand : room;
  return /[\ud800-\udbff]/.test(text[room - 1] ?? "") && room > 1 ? room - 1 : room;
}
