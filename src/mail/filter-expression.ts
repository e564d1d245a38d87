import { invalid } from "../errors.ts";
import { type Expression, type Predicate, predicateFault, type TextOp } from "./search.ts";

/** Conditions by their names in a query or a search tree; all must be true. Absent means "any". */
export type SearchFilters = { [name in TextOp | "messageId" | "inFolder"]?: string | undefined } & {
  [name in "unseen" | "flagged" | "answered" | "draft" | "hasAttachment"]?: boolean | undefined;
} & {
  /** Milliseconds. */
  [name in "since" | "before"]?: number | undefined;
} & {
  /** Octets. */
  [name in "largerThan" | "smallerThan"]?: number | undefined;
} & {
  /** All of them. */
  keyword?: string[] | undefined;
  /** All of them; a value of "" is any. */
  header?: { name: string; value: string }[] | undefined;
};

/**
 * The expression that filters stand for; `all` where there are none. Fails `validation-failed` for a value that nothing can hold,
 * and where `since` is not before `before`; `pointerOf` is where a filter stood.
 */
export function filterExpression(filters: SearchFilters, pointerOf: (name: string) => string): Expression {
  const { since, before } = filters;
  if (since !== undefined && before !== undefined && since >= before)
    throw invalid(pointerOf("since"), "order", "`since` must be earlier than `before`, else nothing could match.");
  const all = Object.keys(filters).flatMap((name) => {
    const terms = termsOf(name as keyof SearchFilters, filters);
    for (const term of terms) {
      const fault = predicateFault(term.op === "not" ? term.of : term);
      if (fault) throw invalid(pointerOf(name), ...fault);
    }
    return terms;
  });
  const [only] = all;
  if (only === undefined) return { op: "all" };
  return all.length === 1 ? only : { op: "and", of: all };
}

type Term = Predicate | { op: "not"; of: Predicate };

function termsOf(name: keyof SearchFilters, filters: SearchFilters): Term[] {
  switch (name) {
    case "unseen":
      return flagTerm("seen", filters.unseen === undefined ? undefined : !filters.unseen);
    case "flagged":
    case "answered":
    case "draft":
    case "hasAttachment":
      return flagTerm(name, filters[name]);
    case "since":
    case "before": {
      const at = filters[name];
      return at === undefined ? [] : [{ op: name, at }];
    }
    case "largerThan":
    case "smallerThan": {
      const octets = filters[name];
      return octets === undefined ? [] : [{ op: name, octets }];
    }
    case "keyword":
      return (filters.keyword ?? []).map((value) => ({ op: "keyword", value }));
    case "header":
      return (filters.header ?? []).map((header) => ({ op: "header", ...header }));
    case "inFolder":
      return filters.inFolder === undefined ? [] : [{ op: "inFolder", folder: filters.inFolder }];
    default: {
      const value = filters[name];
      return value === undefined ? [] : [{ op: name, value }];
    }
  }
}

function flagTerm(op: "seen" | "flagged" | "answered" | "draft" | "hasAttachment", isSet: boolean | undefined): Term[] {
  if (isSet === undefined) return [];
  return [isSet ? { op } : { op: "not", of: { op } }];
}
