import { type Handler, Parser } from "htmlparser2";

/** Elements that are open one inside the other: browsers stop at 512, and mail that was answered often has some hundreds. */
const maxDepth = 1000;
/** Tags and attributes that are read: some hundred times what newsletters have. */
const maxTags = 200_000;
const maxAttributes = 200_000;
/** Tags, each times the elements that are open then: what a parser does at most to find which one it closes. */
const maxWork = 100_000_000;
/** UTF-16 units of HTML that are read. */
const maxUnits = 4 * 1024 * 1024;
/** UTF-16 units between two looks at these. */
const pieceLength = 4096;

/** What is told of HTML as it is read; the parser says where. */
export type HtmlEvents = Pick<Partial<Handler>, "onopentag" | "ontext" | "onclosetag">;

/**
 * Reads HTML, however broken, in bounded time, and tells how far, in UTF-16 units: not to its end where it is longer, nested
 * deeper or has more tags than people's mail. What stood open there is closed.
 *
 * @param handle is given the parser, whose `startIndex` and `endIndex` are those of the event that is told
 */
export function parseHtml(html: string, handle: (parser: Parser) => HtmlEvents): number {
  const seen = { depth: 0, tags: 0, attributes: 0, work: 0 };
  let events: HtmlEvents = {};
  const parser: Parser = new Parser({
    onparserinit(made) {
      events = handle(made);
    },
    onopentagname() {
      seen.depth++;
    },
    onattribute() {
      seen.attributes++;
    },
    onopentag(name, attribs, isImplied) {
      events.onopentag?.(name, attribs, isImplied);
    },
    ontext(text) {
      events.ontext?.(text);
    },
    onclosetag(name, isImplied) {
      seen.depth--;
      events.onclosetag?.(name, isImplied);
    },
  });
  const isTooMuch = () =>
    seen.depth > maxDepth || seen.tags > maxTags || seen.attributes > maxAttributes || seen.work > maxWork;
  const most = Math.min(html.length, maxUnits);
  let at = 0;
  while (at < most && !isTooMuch()) {
    const piece = html.slice(at, Math.min(at + pieceLength, most));
    const tags = brackets(piece);
    parser.write(piece);
    seen.tags += tags;
    seen.work += tags * Math.max(1, seen.depth);
    at += piece.length;
  }
  parser.end();
  return at;
}

function brackets(piece: string): number {
  let count = 0;
  for (let at = piece.indexOf("<"); at >= 0; at = piece.indexOf("<", at + 1)) count++;
  return count;
}
