import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { filterExpression, type SearchFilters } from "../../src/mail/filter-expression.ts";
import type { Expression } from "../../src/mail/search.ts";

const expressionOf = (filters: SearchFilters): Expression => filterExpression(filters, (name) => `?${name}`);

test.each<[SearchFilters, Expression]>([
  [{}, { op: "all" }],
  [{ from: undefined, unseen: undefined, since: undefined, keyword: [], header: undefined }, { op: "all" }],
  [{ unseen: true }, { op: "not", of: { op: "seen" } }],
  [{ unseen: false }, { op: "seen" }],
  [{ hasAttachment: false }, { op: "not", of: { op: "hasAttachment" } }],
  [{ since: 0 }, { op: "since", at: 0 }],
  [{ largerThan: 0 }, { op: "largerThan", octets: 0 }],
  [{ inFolder: "inbox" }, { op: "inFolder", folder: "inbox" }],
  [{ messageId: "<a@b>" }, { op: "messageId", value: "<a@b>" }],
  [
    { text: "a", keyword: ["b", "c"], header: [{ name: "X", value: "" }], flagged: true },
    {
      op: "and",
      of: [
        { op: "text", value: "a" },
        { op: "keyword", value: "b" },
        { op: "keyword", value: "c" },
        { op: "header", name: "X", value: "" },
        { op: "flagged" },
      ],
    },
  ],
])("%j", (filters, expression) => expect(expressionOf(filters)).toEqual(expression));

test.each<[SearchFilters, string, string]>([
  [{ subject: "a", from: "\r\n" }, "?from", "invalid-text"],
  [{ keyword: ["a", "b c"] }, "?keyword", "invalid-keyword"],
  [{ since: NaN }, "?since", "invalid-date"],
  [{ since: 5, before: 5 }, "?since", "order"],
  [{ smallerThan: -1 }, "?smallerThan", "out-of-range"],
])("%j is refused at %s", (filters, pointer, code) => {
  let thrown: unknown;
  try {
    expressionOf(filters);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(Failure);
  expect(thrown).toMatchObject({ code: "validation-failed", details: { errors: [{ pointer, code }] } });
});
