import { describe, expect, test } from "vitest";
import { evaluate, matchPredicate, matchSearch, type SearchFacts } from "../../../src/mail/match-search.ts";
import { type Expression, needsOf, type Predicate } from "../../../src/mail/search.ts";
import { type CompiledSearch, compileCount, compileSearch } from "../../../src/protocols/imap/compile-search.ts";
import type { Token } from "../../../src/protocols/imap/wire.ts";
import { pick, randomExpression, randomFacts, randomPredicate, seeded } from "../../mail/random-search.ts";
import { findsByModel, type ModelServer } from "./search-model.ts";

const plain = { substrings: true, gmail: false };
const not = (of: Expression): Expression => ({ op: "not", of });
const and = (...of: Expression[]): Expression => ({ op: "and", of });
const or = (...of: Expression[]): Expression => ({ op: "or", of });
const from = (value: string): Predicate => ({ op: "from", value });
const attached: Predicate = { op: "hasAttachment" };
const flagged: Predicate = { op: "flagged" };

/** What a listing tells: not the texts. */
function listed({
  receivedAt,
  size,
  flags,
  keywords,
  messageId,
  hasAttachment,
  filenames,
  folders,
}: SearchFacts): SearchFacts {
  return { receivedAt, size, flags, keywords, messageId, hasAttachment, filenames, folders };
}

function answer({ program, residual, asks }: CompiledSearch, facts: SearchFacts, server: ModelServer): boolean | null {
  if (program === null || !findsByModel(program, facts, server)) return false;
  return evaluate(residual, (predicate) => {
    const asked = asks.get(predicate);
    return asked ? findsByModel(asked, facts, server) : matchPredicate(predicate, listed(facts));
  });
}

describe("the program finds every message that matches, and the residual leaves the others out", () => {
  test.each([-12, -5, 0, 9, 14])("on a server that is %s hours east", (zone) => {
    const random = seeded(20 + zone);
    let matched = 0;
    let exact = 0;
    for (let round = 0; round < 1_500; round++) {
      const expression = randomExpression(random, 4, () => randomPredicate(random));
      const compiled = compileSearch(expression, plain);
      for (let count = 0; count < 4; count++) {
        const facts = randomFacts(random, true);
        const matches = matchSearch(expression, facts);
        if (matches === true) matched++;
        expect([expression, answer(compiled, facts, { zone, gmail: null })]).toEqual([expression, matches]);
      }
      if (compiled.exact) exact++;
    }
    expect(matched).toBeGreaterThan(500);
    expect(exact).toBeGreaterThan(100);
  });

  test("also where Gmail is asked for attachments, as far as it knows them", () => {
    const random = seeded(30);
    // Gmail knows of all that we call so, and of more.
    const gmail = (facts: SearchFacts, query: string): boolean =>
      query === "has:attachment" ? facts.hasAttachment === true : (facts.filenames ?? []).length > 0;
    for (let round = 0; round < 1_500; round++) {
      const isPlain = random() < 0.5;
      const leaf = (): Predicate =>
        random() < 0.4 ? attached : randomPredicate(random, ["from", "flagged", "since", "keyword"]);
      const expression = randomExpression(random, 4, leaf);
      const compiled = compileSearch(expression, { substrings: false, gmail: !isPlain });
      const facts = randomFacts(random, true);
      expect(answer(compiled, facts, { zone: -8, gmail: isPlain ? null : gmail })).toBe(matchSearch(expression, facts));
    }
  });

  test("also where the server refuses some of what a listing tells", () => {
    const random = seeded(33);
    for (let round = 0; round < 1_500; round++) {
      const without = new Set(["keyword", "since", "largerThan", "flagged"].filter(() => random() < 0.5));
      const expression = randomExpression(random, 4, () => randomPredicate(random));
      const compiled = compileSearch(expression, { ...plain, without });
      const criteria = [compiled.program, ...compiled.asks.values()].flatMap((program) => program?.criteria ?? []);
      expect(without.has("keyword") && wire(criteria).includes("KEYWORD")).toBe(false);
      const facts = randomFacts(random, true);
      expect(answer(compiled, facts, { zone: 0, gmail: null })).toBe(matchSearch(expression, facts));
    }
  });

  test("without asking for anything that a listing does not tell", () => {
    const random = seeded(31);
    for (let round = 0; round < 1_500; round++) {
      const { residual, asks } = compileSearch(
        randomExpression(random, 4, () => randomPredicate(random)),
        plain,
      );
      const rest: Expression = settleAsks(residual, asks);
      for (const need of ["headers", "body"] as const) expect(needsOf(rest).has(need)).toBe(false);
    }
  });
});

test("what surely matches, and the rest that may, are all that matches", () => {
  const random = seeded(34);
  let counted = 0;
  for (let round = 0; round < 3_000; round++) {
    const expression = randomExpression(random, 3, () => randomPredicate(random));
    const { sure, unsure } = compileCount(expression, plain);
    const facts = randomFacts(random, true);
    const server = { zone: pick(random, [-12, 0, 14]), gmail: null };
    const [isSure, isUnsure] = [sure, unsure].map(
      (program) => program !== null && findsByModel(program, facts, server),
    );
    const matches = matchSearch(expression, facts);
    const isWronglySure = isSure === true && (matches !== true || isUnsure === true);
    const isLost = matches === true && isSure !== true && isUnsure !== true;
    expect([expression, isWronglySure, isLost]).toEqual([expression, false, false]);
    if (isSure === true) counted++;
  }
  expect(counted).toBeGreaterThan(300);
});

function settleAsks(expression: Expression, asks: CompiledSearch["asks"]): Expression {
  switch (expression.op) {
    case "and":
    case "or":
      return { op: expression.op, of: expression.of.map((each) => settleAsks(each, asks)) };
    case "not":
      return { op: "not", of: settleAsks(expression.of, asks) };
    case "all":
    case "none":
      return expression;
    default:
      return asks.has(expression) ? { op: "all" } : expression;
  }
}

/** As it goes over the wire, with literals in angle brackets. */
function wire(tokens: Token[]): string {
  return tokens
    .map((token) => {
      if (Array.isArray(token)) return `(${wire(token)})`;
      if (token.type === "LITERAL") return `<${token.value.toString("utf8")}>`;
      return token.type === "STRING" ? JSON.stringify(token.value) : token.value;
    })
    .join(" ");
}

function sent(expression: Expression, server = plain): string | null {
  const { program } = compileSearch(expression, server);
  return program && wire([...program.charset, ...program.criteria]);
}

const at = Date.parse("2026-03-10T12:00:00Z");

test.each<[Expression, string | null]>([
  [{ op: "all" }, "ALL"],
  [{ op: "none" }, null],
  [and(from("ann"), { op: "seen" }), 'FROM "ann" SEEN'],
  [from('a "b" \\c'), 'FROM "a \\"b\\" \\\\c"'],
  [from("größe"), "CHARSET UTF-8 FROM <größe>"],
  [from(" a \t b "), 'FROM "a b"'],
  [or(from("a"), from("b")), 'OR FROM "a" FROM "b"'],
  [or(from("a"), from("b"), and(from("c"), flagged)), 'OR OR FROM "a" FROM "b" (FROM "c" FLAGGED)'],
  [and(or(from("a"), flagged), not({ op: "seen" })), 'OR FROM "a" FLAGGED UNSEEN'],
  [not(from("a")), 'NOT FROM "a"'],
  [not({ op: "keyword", value: "$Later" }), "NOT KEYWORD $Later"],
  [{ op: "since", at }, "SINCE 9-Mar-2026"],
  [{ op: "before", at }, "BEFORE 12-Mar-2026"],
  [not({ op: "since", at }), "NOT SINCE 12-Mar-2026"],
  [not({ op: "before", at }), "NOT BEFORE 9-Mar-2026"],
  [{ op: "since", at: 0 }, "ALL"],
  [{ op: "largerThan", octets: 2 ** 40 }, "LARGER 4294967295"],
  [{ op: "smallerThan", octets: 2 ** 40 }, "ALL"],
  [{ op: "header", name: "List-Id", value: "" }, 'HEADER List-Id ""'],
  [{ op: "messageId", value: '<"a b"@postern.test>' }, 'HEADER MESSAGE-ID "@postern.test"'],
  [attached, "ALL"],
  [or(attached, from("a")), "ALL"],
  [and(attached, from("a")), 'FROM "a"'],
  [{ op: "inFolder", folder: "inbox" }, "ALL"],
])("%j is sent as %s", (expression, program) => expect(sent(expression)).toBe(program));

test("a server with UTF8=ACCEPT is told no charset", () => {
  const { program } = compileSearch(from("ü"), { ...plain, utf8: true });
  expect(program?.charset).toEqual([]);
});

test("Gmail is asked for what IMAP has no words for, which nobody calls exact", () => {
  const gmail = { substrings: false, gmail: true };
  expect(sent(not(attached), gmail)).toBe('NOT X-GM-RAW "has:attachment"');
  expect(sent({ op: "filename", value: 'a"b' }, gmail)).toBe(String.raw`X-GM-RAW "filename:\"a b\""`);
  expect(sent({ op: "filename", value: "ü" }, gmail)).toBe('CHARSET UTF-8 X-GM-RAW <filename:"ü">');
  for (const value of ['"', '\\\\ "', ".", "(…)"]) {
    expect(sent({ op: "filename", value }, gmail)).toBe("ALL");
    expect(sent(not({ op: "filename", value }), gmail)).toBe("ALL");
  }
  expect(compileSearch(attached, gmail)).toMatchObject({ exact: false, residual: attached });
  expect(compileSearch(attached, plain).exact).toBe(true);
});

test("a hundred in an OR nest seven deep", () => {
  const { program } = compileSearch(or(...Array.from({ length: 99 }, (_, index) => from(`p${index}`))), plain);
  const ors = program?.criteria.filter((token) => "type" in token && token.type === "ATOM" && token.value === "OR");
  expect(ors).toHaveLength(98);
  expect(/^(OR )+/.exec(wire(program?.criteria ?? []))?.[0]).toBe("OR ".repeat(7));
});

describe("what is left to be decided", () => {
  test("text that stands in an or with other things is asked for by itself", () => {
    const ann = from("ann");
    const mixed = or(and(ann, attached), flagged);
    const { residual, asks, program } = compileSearch(mixed, plain);
    expect(residual).toEqual(mixed);
    expect(program && wire(program.criteria)).toBe('OR FROM "ann" FLAGGED');
    expect([...asks].map(([predicate, asked]) => [predicate, wire(asked.criteria)])).toEqual([[ann, 'FROM "ann"']]);
  });

  test("text alone is the server's to find", () => {
    const any = or(from("bob"), { op: "text", value: "c" }, { op: "seen" }, { op: "largerThan", octets: 5 });
    const { residual, asks } = compileSearch(and(from("ann"), any, flagged), plain);
    expect(residual).toEqual(flagged);
    expect(asks.size).toBe(0);
  });
});

test.each<[Expression, boolean, boolean]>([
  [{ op: "since", at }, true, true],
  [and(attached, flagged, { op: "largerThan", octets: 5 }), true, true],
  [from("ann"), true, false],
  [{ op: "subject", value: "größe, neu" }, true, false],
  [{ op: "messageId", value: "<a@b>" }, true, false],
  [from("Lee, Ann"), false, false],
  [{ op: "header", name: "X-A", value: "b" }, true, false],
  [{ op: "body", value: "ann" }, false, false],
  [not({ op: "text", value: "ann" }), false, false],
  [or({ op: "all" }, { op: "text", value: "ann" }), true, true],
])("%j is exact where substrings are found: %s; elsewhere: %s", (expression, found, elsewhere) => {
  expect(compileSearch(expression, plain).exact).toBe(found);
  expect(compileSearch(expression, { ...plain, substrings: false }).exact).toBe(elsewhere);
});

test("a random program is one that imapflow writes as it is meant", () => {
  const random = seeded(32);
  const lists = (tokens: Token[]): boolean =>
    tokens.every((token) => !Array.isArray(token) || (!Array.isArray(token[0]) && token.length > 1 && lists(token)));
  for (let round = 0; round < 500; round++) {
    const server = { substrings: true, gmail: pick(random, [true, false]) };
    const expression = randomExpression(random, 5, () => randomPredicate(random));
    const { program } = compileSearch(expression, server);
    expect(program === null || lists(program.criteria)).toBe(true);
    const { sure, unsure } = compileCount(expression, server);
    for (const one of [sure, unsure]) expect(one === null || lists(one.criteria)).toBe(true);
  }
});

test("a long id is looked for by a piece of it that is not cut in the middle of a character", () => {
  const value = `<${"🙂".repeat(150)}>`;
  const [, , piece] = compileSearch({ op: "messageId", value }, plain).program?.criteria ?? [];
  const octets = piece !== undefined && "value" in piece ? piece.value : "";
  expect(octets.length).toBeGreaterThan(300);
  expect(value).toContain(octets.toString());
});
