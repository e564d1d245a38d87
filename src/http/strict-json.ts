import { Failure, invalid } from "../errors.ts";
import { pointer } from "./input-errors.ts";

const maxDepth = 32;
/** Members of one object or items of one array, and values in all: what follows looks at every one of them. */
const maxMembers = 10_000;
const maxValues = 100_000;

/** Where a string needs a look: the quote, the backslash, controls and lone surrogates. */
const special = /["\\\p{Cc}\p{Cs}]/gu;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const space = /[ \t\n\r]*/y;

const escapes: Record<string, string> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/**
 * JSON (RFC 8259) with no room for two readings. Text that is no JSON fails `invalid-json`, with the offset. What other
 * readers would take differently is 422 with a pointer: a name that stands twice (`duplicate-key`), `__proto__`
 * (`forbidden-key`), a lone surrogate (`lone-surrogate`), NUL (`nul`), more than 32 levels (`too-deep`) or 10,000 members (`too-many`), a number that is
 * beyond a double (`number-range`). The result's objects hold only own, ordinary properties.
 */
export function parseStrictJson(text: string): unknown {
  let at = 0;
  let values = 0;
  const path: (string | number)[] = [];

  function broken(): Failure {
    const what = at >= text.length ? "The JSON ends too early" : "The text stops being JSON";
    return new Failure("invalid-json", `${what}, at character ${at}.`);
  }

  function refuse(code: string, detail: string): Failure {
    return invalid(pointer(path), code, detail);
  }

  function tooMany(): Failure {
    return refuse("too-many", `There are more than ${maxMembers} members here, or ${maxValues} values in all.`);
  }

  function skip(): void {
    space.lastIndex = at;
    space.test(text);
    at = space.lastIndex;
  }

  function take(character: string): boolean {
    if (text[at] !== character) return false;
    at += 1;
    return true;
  }

  function expect(character: string): void {
    if (!take(character)) throw broken();
  }

  function escaped(): string {
    const letter = text[at] ?? "";
    const simple = escapes[letter];
    if (simple !== undefined) {
      at += 1;
      return simple;
    }
    const hex = text.slice(at + 1, at + 5);
    if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(hex)) throw broken();
    at += 5;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  /** The opening quote has been read. */
  function string(): string {
    let value = "";
    for (;;) {
      special.lastIndex = at;
      const stop = special.test(text) ? special.lastIndex - 1 : text.length;
      value += text.slice(at, stop);
      at = stop;
      const character = text[at];
      if (character === undefined || character < " ") throw broken();
      at += 1;
      if (character === '"') return value;
      value += character === "\\" ? escaped() : character;
    }
  }

  function checked(value: string): string {
    if (value.includes("\0")) throw refuse("nul", "The text holds a NUL.");
    if (!value.isWellFormed()) throw refuse("lone-surrogate", "The text holds half of a surrogate pair.");
    return value;
  }

  function object(): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    let members = 0;
    skip();
    if (take("}")) return result;
    for (;;) {
      skip();
      expect('"');
      const key = checked(string());
      path.push(key);
      if (key === "__proto__") throw refuse("forbidden-key", "This name is not taken.");
      if (Object.hasOwn(result, key)) throw refuse("duplicate-key", "The name stands twice in one object.");
      skip();
      expect(":");
      result[key] = value();
      path.pop();
      members += 1;
      if (members > maxMembers) throw tooMany();
      skip();
      if (take("}")) return result;
      expect(",");
    }
  }

  function array(): unknown[] {
    const result: unknown[] = [];
    skip();
    if (take("]")) return result;
    for (;;) {
      path.push(result.length);
      result.push(value());
      path.pop();
      if (result.length > maxMembers) throw tooMany();
      skip();
      if (take("]")) return result;
      expect(",");
    }
  }

  function nested(read: () => unknown): unknown {
    if (path.length >= maxDepth) throw refuse("too-deep", `The JSON is nested more than ${maxDepth} levels deep.`);
    return read();
  }

  function numeral(): number {
    number.lastIndex = at;
    if (!number.test(text)) throw broken();
    const result = Number(text.slice(at, number.lastIndex));
    at = number.lastIndex;
    if (!Number.isFinite(result)) throw refuse("number-range", "The number is too large.");
    return result;
  }

  function word<T>(letters: string, result: T): T {
    if (!text.startsWith(letters, at)) throw broken();
    at += letters.length;
    return result;
  }

  function value(): unknown {
    values += 1;
    if (values > maxValues) throw tooMany();
    skip();
    if (take("{")) return nested(object);
    if (take("[")) return nested(array);
    if (take('"')) return checked(string());
    if (text[at] === "t") return word("true", true);
    if (text[at] === "f") return word("false", false);
    if (text[at] === "n") return word("null", null);
    return numeral();
  }

  const result = value();
  skip();
  if (at < text.length) throw broken();
  return result;
}
