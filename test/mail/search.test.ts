import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { foldText } from "../../src/mail/fold-text.ts";
import { evaluate, matchPredicate, matchSearch } from "../../src/mail/match-search.ts";
import { assertExpression, type Expression, needsOf, normalise, predicatesOf, settle } from "../../src/mail/search.ts";
import { randomExpression, randomFacts, randomPredicate, seeded } from "./random-search.ts";

const from = (value: string): Expression => ({ op: "from", value });
const not = (of: Expression): Expression => ({ op: "not", of });
const seen: Expression = { op: "seen" };

/** No constant inside, `not` on predicates only, nothing nested that need not be. */
function isNormal(expression: Expression, above?: string): boolean {
  switch (expression.op) {
    case "and":
    case "or":
      return (
        expression.op !== above &&
        expression.of.length > 1 &&
        expression.of.every((each) => isNormal(each, expression.op))
      );
    case "not":
      return predicatesOf(expression.of)[0] === expression.of;
    case "all":
    case "none":
      return above === undefined;
    default:
      return true;
  }
}

describe("the normal form", () => {
  test("means the same of any message, also of one that little is known of", () => {
    const random = seeded(9);
    const results = new Map<boolean | null, number>();
    for (let round = 0; round < 5_000; round++) {
      const expression = randomExpression(random, 5, () => randomPredicate(random));
      const normal = normalise(expression);
      expect(isNormal(normal)).toBe(true);
      const facts = randomFacts(random);
      const matches = matchSearch(expression, facts);
      results.set(matches, (results.get(matches) ?? 0) + 1);
      expect([expression, matchSearch(normal, facts)]).toEqual([expression, matches]);
      expect(normalise(normal)).toEqual(normal);
    }
    for (const result of [true, false, null]) expect(results.get(result)).toBeGreaterThan(300);
  });

  test.each<[string, Expression, Expression]>([
    ["an and of nothing is all", { op: "and", of: [] }, { op: "all" }],
    ["an or of nothing is none", { op: "or", of: [] }, { op: "none" }],
    ["one of a kind stands alone", { op: "and", of: [{ op: "or", of: [seen, seen] }] }, seen],
    ["a negation goes down", not({ op: "and", of: [seen, not(from("a"))] }), { op: "or", of: [not(seen), from("a")] }],
    ["an impossible part makes the whole so", { op: "and", of: [seen, not({ op: "all" })] }, { op: "none" }],
    [
      "a thing and its opposite stay, which may both be unknown",
      { op: "and", of: [seen, not(seen)] },
      { op: "and", of: [seen, not(seen)] },
    ],
  ])("%s", (_, expression, normal) => expect(normalise(expression)).toEqual(normal));

  test("keeps the predicates themselves", () => {
    const predicate = { op: "from", value: "ann" } as const;
    expect(predicatesOf(normalise(not({ op: "or", of: [predicate, seen] })))[0]).toBe(predicate);
  });
});

test("what is known of all messages beforehand goes into the expression", () => {
  const random = seeded(10);
  for (let round = 0; round < 3_000; round++) {
    const expression = randomExpression(random, 4, () => randomPredicate(random));
    const facts = randomFacts(random);
    const settled = settle(expression, (each) => (each.op === "inFolder" ? matchPredicate(each, facts) : null));
    expect(facts.folders !== undefined && needsOf(settled).has("place")).toBe(false);
    expect(matchSearch(settled, facts)).toBe(matchSearch(expression, facts));
  }
});

test("an expression needs what its predicates need", () => {
  const all: Expression = { op: "and", of: [not(seen), { op: "or", of: [from("a"), { op: "text", value: "b" }] }] };
  expect([...needsOf(all)].sort()).toEqual(["body", "envelope", "flags", "headers"]);
  expect(needsOf({ op: "all" }).size).toBe(0);
});

describe("what is true of a message", () => {
  const since = { op: "since", at: 1000 } as const;
  const before = { op: "before", at: 1000 } as const;

  test("times are compared to the millisecond, and without one neither is true", () => {
    expect([999, 1000, null].map((receivedAt) => matchPredicate(since, { receivedAt }))).toEqual([false, true, false]);
    expect([999, 1000, null].map((receivedAt) => matchPredicate(before, { receivedAt }))).toEqual([true, false, false]);
    expect(matchPredicate(since, {})).toBe(null);
  });

  test("a size is neither larger nor smaller than itself", () => {
    for (const op of ["largerThan", "smallerThan"] as const)
      expect(matchPredicate({ op, octets: 5 }, { size: 5 })).toBe(false);
  });

  test.each([
    ["cafe", "Im CAFÉ", true],
    ["café", "cafe", false],
    ["straße", "STRAßE", true],
    ["strasse", "Straße", false],
    ["ЖУК", "жук", true],
    ["ａnn", "Ann Lee", true],
    ["a b", "a\u00a0 \tb", true],
    ["😀", "so 😀!", true],
    ["i", "İ", true],
  ])("%s in %s: %s", (value, subject, found) => {
    expect(matchPredicate({ op: "subject", value }, { subject })).toBe(found);
  });

  test("text is the header or the body, and what is not known of one may be in the other", () => {
    const text = { op: "text", value: "ann" } as const;
    const headers = [{ name: "From", value: "Ann" }];
    expect(matchPredicate(text, { headers })).toBe(true);
    expect(matchPredicate(text, { headers: [] })).toBe(null);
    expect(matchPredicate(text, { headers: [], body: ["no"] })).toBe(false);
    expect(matchPredicate(text, { body: ["Joanna"] })).toBe(true);
  });

  test("a header's name is in any case, and without a value it is enough that it is there", () => {
    const headers = [{ name: "LIST-ID", value: "" }];
    expect(matchPredicate({ op: "header", name: "List-Id", value: "" }, { headers })).toBe(true);
    expect(matchPredicate({ op: "header", name: "List-Id", value: "x" }, { headers })).toBe(false);
  });

  test("an operator is decided by what is known where that is enough", () => {
    const decide = (known: boolean | null): boolean | null =>
      evaluate({ op: "or", of: [from("a"), seen] }, (p) => (p.op === "seen" ? known : null));
    expect([true, false, null].map(decide)).toEqual([true, null, null]);
  });
});

test("what becomes a space and a mark when it is folded is not found as that mark on a letter", () => {
  const found = (value: string) =>
    ["ü", "u ¨", "¨"].map((subject) => matchPredicate({ op: "subject", value }, { subject }));
  expect([found(" ¨"), found(" ü ")]).toEqual([
    [false, true, true],
    [true, false, false],
  ]);
});

test("folding is that of i;unicode-casemap", () => {
  expect(foldText("ǰ ß ﬁ ς é")).toBe("ǰ".normalize("NFKD") + " ß fi Σ E\u0301");
});

describe("limits", () => {
  const failure = (expression: Expression): string | undefined => {
    try {
      assertExpression(expression, "?q");
      return undefined;
    } catch (error) {
      return error instanceof Failure ? error.details.errors?.[0]?.code : String(error);
    }
  };
  const nested = (depth: number): Expression =>
    depth === 0 ? seen : depth % 2 ? not(nested(depth - 1)) : { op: "and", of: [nested(depth - 1)] };
  const wide = (count: number): Expression => ({ op: "or", of: Array.from({ length: count - 1 }, () => seen) });

  test.each<[string, Expression, string | undefined]>([
    ["ten deep", nested(10), undefined],
    ["eleven deep", nested(11), "too-deep"],
    ["so deep that no stack holds it", nested(5_000), "too-deep"],
    ["a hundred nodes", wide(100), undefined],
    ["one more", wide(101), "too-many"],
    ["a long value", from("x".repeat(500)), undefined],
    ["a longer one", from("x".repeat(501)), "too-long"],
    ["a line break", from("a\r\nb"), "invalid-text"],
    ["a NUL", { op: "header", name: "X", value: "\0" }, "invalid-text"],
    ["half a character", from("\ud800"), "invalid-text"],
    ["nothing", from(" "), "invalid-text"],
    ["a header's name with a colon", { op: "header", name: "a:b", value: "" }, "invalid-header-name"],
    ["no date", { op: "since", at: NaN }, "invalid-date"],
    ["the year 10000", { op: "before", at: Date.UTC(10_000, 0, 1) }, "invalid-date"],
    ["half an octet", { op: "largerThan", octets: 0.5 }, "out-of-range"],
    ["less than nothing", { op: "smallerThan", octets: -1 }, "out-of-range"],
    ["a keyword with a space", { op: "keyword", value: "a b" }, "invalid-keyword"],
    ["a system flag as a keyword", { op: "keyword", value: "\\Seen" }, "invalid-keyword"],
    ["deep inside", not({ op: "and", of: [seen, from("\n")] }), "invalid-text"],
  ])("%s", (_, expression, code) => expect(failure(expression)).toBe(code));
});
