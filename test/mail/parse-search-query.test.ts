import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { parseSearchQuery } from "../../src/mail/parse-search-query.ts";
import { type Expression, normalise } from "../../src/mail/search.ts";
import { printSearchQuery } from "./print-search-query.ts";
import { randomExpression, randomPredicate, seeded } from "./random-search.ts";

const context = { pointer: "?q", now: Date.parse("2026-03-31T23:30:00Z") };
const parse = (query: string): Expression => parseSearchQuery(query, context);
const day = (date: string): number => Date.parse(`${date}T00:00:00Z`);
const text = (value: string): Expression => ({ op: "text", value });
const not = (of: Expression): Expression => ({ op: "not", of });
const and = (...of: Expression[]): Expression => ({ op: "and", of });
const or = (...of: Expression[]): Expression => ({ op: "or", of });

test("what is printed is read as what it was", () => {
  const random = seeded(11);
  let read = 0;
  for (let round = 0; round < 5_000; round++) {
    const expression = normalise(randomExpression(random, 4, () => randomPredicate(random)));
    if (expression.op === "all" || expression.op === "none") continue;
    const query = printSearchQuery(expression);
    expect([query, parse(query)]).toEqual([query, expression]);
    read++;
  }
  expect(read).toBeGreaterThan(3_000);
});

describe("operators", () => {
  test.each<[string, Expression]>([
    ["from:ann", { op: "from", value: "ann" }],
    ["From:Ann@x.test", { op: "from", value: "Ann@x.test" }],
    ['subject:"q3 report"', { op: "subject", value: "q3 report" }],
    ["to:a", { op: "to", value: "a" }],
    ["body:a", { op: "body", value: "a" }],
    ["filename:a.pdf", { op: "filename", value: "a.pdf" }],
    ["is:unread", not({ op: "seen" })],
    ["is:starred", { op: "flagged" }],
    ["is:DRAFT", { op: "draft" }],
    ["has:attachment", { op: "hasAttachment" }],
    ["label:work", { op: "keyword", value: "work" }],
    ["keyword:$Later", { op: "keyword", value: "$Later" }],
    ["-in:spam", not({ op: "inFolder", folder: "junk" })],
    ["in:ALLMAIL", { op: "inFolder", folder: "allMail" }],
    ["in:fld_x", { op: "inFolder", folder: "fld_x" }],
    ["after:2026-01-01", { op: "since", at: day("2026-01-01") }],
    ["after:2026/1/1", { op: "since", at: day("2026-01-01") }],
    ["before:2024-02-29", { op: "before", at: day("2024-02-29") }],
    ["since:2026-01-01T10:00:00+02:00", { op: "since", at: Date.parse("2026-01-01T08:00:00Z") }],
    ["newer_than:2d", { op: "since", at: day("2026-03-29") }],
    ["older_than:1w", { op: "before", at: day("2026-03-24") }],
    ["older_than:1m", { op: "before", at: day("2026-02-28") }],
    ["older_than:2y", { op: "before", at: day("2024-03-31") }],
    ["larger:5M", { op: "largerThan", octets: 5 * 1024 * 1024 }],
    ["smaller:1.5kb", { op: "smallerThan", octets: 1536 }],
    ["larger:100", { op: "largerThan", octets: 100 }],
    ["rfc822msgid:a@b", { op: "messageId", value: "<a@b>" }],
    ["header:List-Id", { op: "header", name: "List-Id", value: "" }],
    ['header:"X-Spam=a = b"', { op: "header", name: "X-Spam", value: "a = b" }],
  ])("%s", (query, expression) => expect(parse(query)).toEqual(expression));
});

describe("words and what joins them", () => {
  const [a, b, c] = [text("a"), text("b"), text("c")];
  test.each<[string, Expression]>([
    ["a b", and(a, b)],
    ["a AND b", and(a, b)],
    ["a OR b", or(a, b)],
    ["a b OR c", and(a, or(b, c))],
    ["(a b) OR c", or(and(a, b), c)],
    ["a OR b AND c", and(or(a, b), c)],
    ["-a b", and(not(a), b)],
    ["NOT a", not(a)],
    ["-(a OR b)", not(or(a, b))],
    ["--a", not(not(a))],
    ["((a))", a],
    ["a or b", and(a, text("or"), b)],
    ['"OR"', text("OR")],
    ["well-known", text("well-known")],
    ["12:30", text("12:30")],
    ["constructor", text("constructor")],
    [String.raw`"say \"hi\" \\ there"`, text('say "hi" \\ there')],
    ['"from:ann"', text("from:ann")],
    ["größe 日本", and(text("größe"), text("日本"))],
    ["\ufeffa\u200bb\u00a0", and(a, b)],
  ])("%s", (query, expression) => expect(parse(query)).toEqual(expression));
});

describe("what is wrong is told with its place", () => {
  const faults = (query: string): [number, string][] => {
    try {
      parse(query);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "validation-failed") throw error;
      const positions = error.details.extra?.["positions"] as number[];
      expect(error.details.errors?.every(({ pointer }) => pointer === "?q")).toBe(true);
      error.details.errors?.forEach(({ detail }, index) =>
        expect(detail).toMatch(`At character ${positions[index]}: `),
      );
      return (error.details.errors ?? []).map(({ code }, index) => [positions[index] ?? 0, code]);
    }
    return [];
  };

  test.each<[string, [number, string][]]>([
    ["", [[1, "incomplete"]]],
    ["  \u200b", [[4, "incomplete"]]],
    ["a foo:bar", [[3, "unknown-operator"]]],
    ["constructor:x", [[1, "unknown-operator"]]],
    ["https://x", [[1, "unknown-operator"]]],
    ["from:", [[6, "value-missing"]]],
    ['a ""', [[3, "value-missing"]]],
    ["a OR", [[5, "incomplete"]]],
    ["OR a", [[1, "misplaced"]]],
    ["a AND OR b", [[7, "misplaced"]]],
    ["(a", [[1, "unclosed"]]],
    ["a)", [[2, "misplaced"]]],
    ["()", [[2, "misplaced"]]],
    ['from:"ann', [[6, "unclosed"]]],
    [String.raw`"a\b"`, [[1, "unclosed"]]],
    ["a - b", [[3, "misplaced"]]],
    [
      'a"b',
      [
        [2, "unexpected-character"],
        [2, "unclosed"],
      ],
    ],
    ['"a"b', [[4, "unexpected-character"]]],
    [
      "from:(a)",
      [
        [6, "unexpected-character"],
        [6, "value-missing"],
      ],
    ],
    ["is:new", [[4, "invalid-value"]]],
    ["has:drive", [[5, "invalid-value"]]],
    ["in:anywhere", [[4, "invalid-value"]]],
    ["after:2026-02-30", [[7, "invalid-value"]]],
    ["after:tomorrow", [[7, "invalid-value"]]],
    ["after:0000-01-01", [[7, "invalid-date"]]],
    ["newer_than:2h", [[12, "invalid-value"]]],
    ["larger:5T", [[8, "invalid-value"]]],
    ["larger:9999999999999999G", [[8, "out-of-range"]]],
    ['label:"a b"', [[7, "invalid-keyword"]]],
    ['header:"a b"', [[8, "invalid-header-name"]]],
    ["\u0000", [[1, "invalid-text"]]],
    [
      "foo:a is:b after:c ok",
      [
        [1, "unknown-operator"],
        [10, "invalid-value"],
        [18, "invalid-value"],
      ],
    ],
    [`from:${"x".repeat(501)}`, [[6, "too-long"]]],
    ["a ".repeat(2_001), [[4_001, "too-long"]]],
    [`${"(".repeat(12)}a${")".repeat(12)}`, [[12, "too-deep"]]],
    [
      "-".repeat(3_000),
      [
        [12, "too-deep"],
        [3_000, "misplaced"],
      ],
    ],
  ])("%#", (query, expected) => {
    expect(faults(query)).toEqual(expected);
  });

  test("too many conditions", () => {
    expect(() => parse("a ".repeat(101))).toThrow(/at most 100/);
  });

  test("any text is read or refused, quickly", () => {
    const random = seeded(12);
    const pieces = [
      "(",
      ")",
      "-",
      '"',
      "\\",
      ":",
      "from:",
      "OR ",
      "AND",
      "NOT ",
      " ",
      "a",
      "\u200b",
      "ü",
      "is:",
      "unread",
      "\n",
      "{",
    ];
    for (let round = 0; round < 5_000; round++) {
      const query = Array.from(
        { length: Math.floor(random() * 20) },
        () => pieces[Math.floor(random() * pieces.length)],
      ).join("");
      expect(faults(query).length).toBeLessThanOrEqual(20);
    }
    const started = performance.now();
    for (const piece of ['"a', "a:", '"\\', "(a OR ", "a-"]) faults(piece.repeat(4_000).slice(0, 4_000));
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
