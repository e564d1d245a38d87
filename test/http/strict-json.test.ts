import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { parseStrictJson } from "../../src/http/strict-json.ts";

function failureOf(text: string): Failure {
  try {
    parseStrictJson(text);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error(`taken: ${text}`);
}

describe("reads what JSON.parse reads", () => {
  const good = [
    "{}",
    "[]",
    "0",
    "-0",
    "-1.5e+3",
    "1E2",
    "null",
    "true",
    "false",
    '""',
    ' \t\r\n{ "a" : [ 1 , 2 , { "b" : null } ] , "c" : "d" } \n',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"',
    '"é😀 \u007f\u0080\u2028"',
    '{"":1,"constructor":2,"toString":3,"hasOwnProperty":4}',
    `${"[".repeat(32)}${"]".repeat(32)}`,
    '"\\ud83d😀\\ude00"'.replace("😀", ""),
  ];
  test.each(good)("%s", (text) => {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  test("an own property named constructor does not touch the prototype", () => {
    const value = parseStrictJson('{"constructor":{"prototype":{"x":1}}}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Reflect.get({}, "x")).toBeUndefined();
  });

  test("ten thousand members of one thing, and no more", () => {
    const items = (count: number): string => `[${"1,".repeat(count - 1)}1]`;
    expect(parseStrictJson(items(10_000))).toHaveLength(10_000);
    expect(() => parseStrictJson(items(10_001))).toThrow(/more than 10000 members/);
    const wide = `[${`${items(9_000)},`.repeat(11)}${items(9_000)}]`;
    expect(() => parseStrictJson(wide)).toThrow(/100000 values/);
    const names = Array.from({ length: 10_001 }, (_, at) => `"n${at}":1`).join();
    expect(() => parseStrictJson(`{${names}}`)).toThrow(/more than 10000 members/);
  });

  test("a long string with nothing special in it, in well under a second", () => {
    const long = "QUJD".repeat(5_000_000);
    expect(parseStrictJson(`{"content":"${long}"}`)).toEqual({ content: long });
  });
});

describe("is not JSON: 400 invalid-json", () => {
  const broken = [
    "",
    " ",
    "{",
    "[",
    '"',
    '"a',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,}',
    "[1,]",
    "[1 2]",
    "{a:1}",
    "{'a':1}",
    "01",
    "+1",
    ".5",
    "1.",
    "1e",
    "-",
    "NaN",
    "Infinity",
    "tru",
    "nulll",
    "undefined",
    "{} {}",
    "//x\n1",
    "/* */1",
    '"\\x41"',
    '"\\u12"',
    '"\\u12G4"',
    '"\\',
    '"a\nb"',
    '"a\u0000b"',
    "\ufeff{}",
    "\u00a01",
    "[1}",
    '{"a":1]',
  ];
  test.each(broken)("%j", (text) => {
    expect(failureOf(text).code).toBe("invalid-json");
    expect(failureOf(text).message).toMatch(/character \d+\.$/);
  });
});

describe("could be read in two ways: 422 with a pointer", () => {
  const refused: [text: string, code: string, pointer: string][] = [
    ['{"a":1,"a":1}', "duplicate-key", "/a"],
    ['{"a":1,"\\u0061":2}', "duplicate-key", "/a"],
    ['{"x":[{"b":1},{"b":1,"b":2}]}', "duplicate-key", "/x/1/b"],
    ['{"__proto__":{"admin":true}}', "forbidden-key", "/__proto__"],
    ['{"a":{"\\u005f_proto__":1}}', "forbidden-key", "/a/__proto__"],
    ['{"a":"\\ud800"}', "lone-surrogate", "/a"],
    ['{"a":"\\udc00x"}', "lone-surrogate", "/a"],
    ['{"a":"\\ud800\\ud800"}', "lone-surrogate", "/a"],
    ['{"\\ud800":1}', "lone-surrogate", ""],
    ['["\\u0000"]', "nul", "/0"],
    ['{"a\\u0000":1}', "nul", ""],
    ['{"a/b~c":"\\u0000"}', "nul", "/a~1b~0c"],
    ['{"n":1e999}', "number-range", "/n"],
    [`${"[".repeat(33)}${"]".repeat(33)}`, "too-deep", "/0".repeat(32)],
    [`${'{"a":'.repeat(33)}1${"}".repeat(33)}`, "too-deep", "/a".repeat(32)],
    ["[".repeat(100_000), "too-deep", "/0".repeat(32)],
  ];
  test.each(refused)("%j → %s at %s", (text, code, pointer) => {
    const failure = failureOf(text);
    expect(failure.code).toBe("validation-failed");
    expect(failure.details.errors).toEqual([expect.objectContaining({ code, pointer })]);
  });
});
