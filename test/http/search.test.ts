import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { inputErrors } from "../../src/http/input-errors.ts";
import { bodyExpression, queryExpression } from "../../src/http/messages/search-expression.ts";
import { searchBody, type SearchTree, searchTree } from "../../src/http/messages/search-schema.ts";
import type { Expression } from "../../src/mail/search.ts";

const now = Date.parse("2026-11-23T17:00:00Z");

/** The errors of a body, by the schema or by what it means. */
function errorsOf(body: object): { pointer: string; code: string }[] {
  const parsed = searchBody.safeParse(body);
  if (!parsed.success) return inputErrors(parsed.error.issues, body).map(({ pointer, code }) => ({ pointer, code }));
  try {
    bodyExpression(parsed.data)(now);
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return (error.details.errors ?? []).map(({ pointer, code }) => ({ pointer, code }));
  }
}

const ann: Expression = { op: "from", value: "ann" };
const nested = (levels: number): SearchTree => (levels === 0 ? { from: "ann" } : { not: nested(levels - 1) });

describe("a search tree", () => {
  test.each<[SearchTree, Expression]>([
    [{ from: "ann" }, ann],
    [{ unseen: true }, { op: "not", of: { op: "seen" } }],
    [{ unseen: false }, { op: "seen" }],
    [{ draft: false }, { op: "not", of: { op: "draft" } }],
    [{ since: "2026-01-01T01:00:00+01:00" }, { op: "since", at: Date.UTC(2026, 0, 1) }],
    [{ header: "List-Id" }, { op: "header", name: "List-Id", value: "" }],
    [{ header: "List-Id: a: b " }, { op: "header", name: "List-Id", value: "a: b" }],
    [{ inFolder: "junk" }, { op: "inFolder", folder: "junk" }],
    [{ and: [{ from: "ann" }] }, ann],
    [{ or: [{ from: "ann" }] }, { op: "or", of: [ann] }],
    [
      { from: "ann", largerThan: 5, not: { flagged: true }, or: [{ from: "ann" }, { cc: "bob" }] },
      {
        op: "and",
        of: [
          { op: "and", of: [ann, { op: "largerThan", octets: 5 }] },
          { op: "or", of: [ann, { op: "cc", value: "bob" }] },
          { op: "not", of: { op: "flagged" } },
        ],
      },
    ],
  ])("%j", (where, expression) => {
    expect(bodyExpression({ where })(now)).toEqual(expression);
  });

  test.each<[object, pointer: string, code: string]>([
    [{ where: {} }, "/where", "invalid"],
    [{ where: { form: "ann" } }, "/where/form", "unknown-field"],
    [{ where: { and: [] } }, "/where/and", "too-small"],
    [{ where: { or: [{ from: "a" }, {}] } }, "/where/or/1", "invalid"],
    [{ where: { not: [{ from: "a" }] } }, "/where/not", "type"],
    [{ where: { not: { from: "" } } }, "/where/not/from", "too-small"],
    [{ where: { or: [{ not: { subject: " " } }] } }, "/where/or/0/not/subject", "invalid-text"],
    [{ where: { from: "a\nb" } }, "/where/from", "control-character"],
    [{ where: { from: "a".repeat(501) } }, "/where/from", "too-big"],
    [{ where: { unseen: "true" } }, "/where/unseen", "type"],
    [{ where: { since: "2026-02-30T00:00:00Z" } }, "/where/since", "format"],
    [{ where: { largerThan: -1 } }, "/where/largerThan", "too-small"],
    [{ where: { keyword: "a b" } }, "/where/keyword", "invalid-keyword"],
    [{ where: { header: ": a" } }, "/where/header", "invalid-header-name"],
    [{ where: { inFolder: "all" } }, "/where/inFolder", "format"],
    [{ where: nested(11) }, "/where", "too-deep"],
    [{ where: { or: Array.from({ length: 100 }, () => ({ from: "a" })) } }, "/where", "too-many"],
    [{ where: { and: Array.from({ length: 101 }, () => ({ from: "a" })) } }, "/where/and", "too-big"],
    [{ q: "is:gone" }, "/q", "invalid-value"],
    [{ q: "in:somewhere" }, "/q", "unknown-folder"],
    [{ folder: "everywhere" }, "/folder", "format"],
    [{ order: "date" }, "/order", "value"],
  ])("%j is refused at %s", (body, pointer, code) => {
    expect(errorsOf(body)).toEqual([{ pointer, code }]);
  });

  test.each([
    {},
    { where: nested(10) },
    { q: "in:spam newer_than:2d", where: { from: "ann" }, limit: 200, folder: "inbox" },
  ])("%j is fine", (body) => expect(errorsOf(body)).toEqual([]));

  test("is refused where it is deeper than any stack", () => {
    let tree: object = { from: "ann" };
    for (let level = 0; level < 31; level++) tree = { not: tree };
    expect(searchTree.safeParse(tree).success).toBe(true);
    expect(errorsOf({ where: tree })).toEqual([{ pointer: "/where", code: "too-deep" }]);
  });
});

describe("a query", () => {
  test("is all of its filters and the sentence; days are counted back from the time that it is given", () => {
    const at = queryExpression({ q: "newer_than:1d", from: "ann", keyword: ["a,b", "c"], header: "X" });
    const since = Date.UTC(2026, 10, 22);
    const filters: Expression = {
      op: "and",
      of: [ann, { op: "keyword", value: "a,b" }, { op: "keyword", value: "c" }, { op: "header", name: "X", value: "" }],
    };
    expect(at(now)).toEqual({ op: "and", of: [{ op: "since", at: since }, filters] });
    expect(at(now + 86_400_000)).toEqual({ op: "and", of: [{ op: "since", at: since + 86_400_000 }, filters] });
    expect(queryExpression({})(now)).toEqual({ op: "all" });
  });

  test("is refused at the parameter that is wrong", () => {
    const wrong = () => queryExpression({ since: "2026-01-02T00:00:00Z", before: "2026-01-01T00:00:00Z" });
    expect(wrong).toThrow(
      expect.objectContaining({
        details: expect.objectContaining({ errors: [expect.objectContaining({ pointer: "?since" })] }),
      }),
    );
  });
});
