import { invalid } from "../../errors.ts";
import { filterExpression, type SearchFilters } from "../../mail/filter-expression.ts";
import { parseSearchQuery } from "../../mail/parse-search-query.ts";
import { assertExpression, type Expression, predicatesOf } from "../../mail/search.ts";
import { folderQuery } from "./schema.ts";
import type { SearchTree } from "./search-schema.ts";

/** An expression whose days are counted back from `now`, milliseconds. Fails `validation-failed`, with where it is wrong. */
export type ExpressionAt = (now: number) => Expression;

/** Filters as a query or one object of a tree has them. */
type Filters = Omit<SearchTree, "and" | "or" | "not" | "keyword" | "header"> & {
  keyword?: string | string[] | undefined;
  header?: string | string[] | undefined;
};

/** What a query looks for: all of its filters, and `q`. */
export function queryExpression({ q, ...filters }: Filters & { q?: string | undefined }): ExpressionAt {
  const narrowed = filtersIn(filters, (name) => `?${name}`);
  return (now) => allOf([...sentence(q, "?q", now), narrowed]);
}

/** What a body looks for, `pointer` being where its fields stand: both `q` and `where`. */
export function bodyExpression(
  { q, where }: { q?: string | undefined; where?: SearchTree | undefined },
  pointer = "",
): ExpressionAt {
  const tree = where === undefined ? [] : [treeExpression(where, `${pointer}/where`)];
  for (const each of tree) assertExpression(each, `${pointer}/where`);
  return (now) => allOf([...sentence(q, `${pointer}/q`, now), ...tree]);
}

function sentence(q: string | undefined, pointer: string, now: number): Expression[] {
  if (q === undefined) return [];
  const expression = parseSearchQuery(q, { pointer, now });
  for (const predicate of predicatesOf(expression)) {
    if (predicate.op !== "inFolder") continue;
    const { error } = folderQuery.safeParse(predicate.folder);
    if (error)
      throw invalid(pointer, "unknown-folder", `in:${predicate.folder.slice(0, 100)} ${error.issues[0]?.message}.`);
  }
  return [expression];
}

function treeExpression({ and, or, not, ...filters }: SearchTree, pointer: string): Expression {
  const inner = (trees: SearchTree[], name: string): Expression[] =>
    trees.map((tree, index) => treeExpression(tree, `${pointer}/${name}/${index}`));
  return allOf([
    filtersIn(filters, (name) => `${pointer}/${name}`),
    ...(and === undefined ? [] : inner(and, "and")),
    ...(or === undefined ? [] : [{ op: "or" as const, of: inner(or, "or") }]),
    ...(not === undefined ? [] : [{ op: "not" as const, of: treeExpression(not, `${pointer}/not`) }]),
  ]);
}

/** All of these; those that are true of everything say nothing. */
function allOf(expressions: Expression[]): Expression {
  const telling = expressions.filter(({ op }) => op !== "all");
  const [only] = telling;
  if (only === undefined) return { op: "all" };
  return telling.length === 1 ? only : { op: "and", of: telling };
}

function filtersIn(
  { since, before, keyword, header, ...plain }: Filters,
  pointerOf: (name: string) => string,
): Expression {
  const filters: SearchFilters = {
    ...plain,
    since: since === undefined ? undefined : Date.parse(since),
    before: before === undefined ? undefined : Date.parse(before),
    keyword: keyword === undefined ? undefined : [keyword].flat(),
    header: header === undefined ? undefined : [header].flat().map(headerOf),
  };
  return filterExpression(filters, pointerOf);
}

/** `Name`, or `Name: value`. */
function headerOf(text: string): { name: string; value: string } {
  const colon = text.indexOf(":");
  if (colon < 0) return { name: text.trim(), value: "" };
  return { name: text.slice(0, colon).trim(), value: text.slice(colon + 1).trim() };
}
