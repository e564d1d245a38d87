/** A piece of a query; `at` and `valueAt` are where it begins, from 0. */
export type SearchWord =
  | { kind: "and" | "or" | "not" | "open" | "close"; at: number }
  /** `name:value`, or a free word, whose name is null; the value without its quotes. */
  | { kind: "term"; at: number; name: string | null; value: string; valueAt: number };

type OnFault = (at: number, code: string, detail: string) => unknown;

/** White space, and what pasted text has between words without being seen. */
const blank = /[\s\u200b\u2060\ufeff]/;
const blanks = /[\s\u200b\u2060\ufeff]*/y;
const bare = /[^\s\u200b\u2060\ufeff"()]*/y;
const quoted = /"((?:[^"\\]|\\["\\])*)"/y;
const operator = /([a-z][a-z0-9_-]*):/iy;

/**
 * The words of a query in their order. In quotes, `\"` and `\\` are a quote and a backslash. What can't be read is told, and
 * counts as a word.
 */
export function splitSearchQuery(query: string, onFault: OnFault): SearchWord[] {
  const words: SearchWord[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(query);
    if (found) at += found[0].length;
    return found;
  };

  function readValue(): string {
    const start = at;
    if (query[at] !== '"') {
      const value = take(bare)?.[0] ?? "";
      // Quotes inside a word would begin another one unseen; a bracket closes what was opened before.
      if (query[at] === '"' || query[at] === "(")
        onFault(at, "unexpected-character", "a space is missing here, or the whole value belongs in quotes");
      return value;
    }
    const found = take(quoted);
    if (found === null) {
      at = query.length;
      onFault(start, "unclosed", "this quote is never closed, or has a backslash before something else than a quote");
      return "?";
    }
    if (at < query.length && query[at] !== ")" && !blank.test(query.charAt(at)))
      onFault(at, "unexpected-character", "a space is missing here");
    return (found[1] ?? "").replace(/\\(["\\])/g, "$1");
  }

  for (take(blanks); at < query.length; take(blanks)) {
    const start = at;
    const character = query.charAt(at);
    if (character === "(" || character === ")" || character === "-") {
      words.push({ kind: character === "(" ? "open" : character === ")" ? "close" : "not", at });
      at++;
      if (character === "-" && (at === query.length || blank.test(query.charAt(at))))
        onFault(start, "misplaced", "a dash stands right before what it turns, and in quotes where it is meant as one");
      continue;
    }
    const name = take(operator)?.[1] ?? null;
    const valueAt = at;
    const isQuoted = query[at] === '"';
    const value = readValue();
    const joiner = name === null && !isQuoted ? joiners.get(value) : undefined;
    words.push(joiner ? { kind: joiner, at: start } : { kind: "term", at: start, name, value, valueAt });
  }
  return words;
}

const joiners = new Map<string, "and" | "or" | "not">([
  ["AND", "and"],
  ["OR", "or"],
  ["NOT", "not"],
]);
