import { Failure, type InputError } from "../errors.ts";
import { assertExpression, type Expression, predicateFault, searchLimits } from "./search.ts";
import { freeText, searchOperators } from "./search-operators.ts";
import { type SearchWord, splitSearchQuery } from "./split-search-query.ts";

/** UTF-16 units of a query. */
export const maxQueryLength = 4_000;

/** Where the query came from, and the time that `newer_than:` and `older_than:` count from, milliseconds. */
export type QueryContext = { pointer: string; now: number };

/**
 * A search as people type it, much as Gmail reads it (docs/search.md): words and `name:value` beside one another must all be
 * true; `OR` binds what stands left and right of it tighter than that; `-` and `NOT` turn what follows; `( )` group. Fails
 * `validation-failed` with an error for each thing that is wrong, its place in the sentence (characters from 1, as UTF-16 counts
 * them) and in `extra.positions`, in the order of the errors; never leaves anything out.
 */
export function parseSearchQuery(query: string, { pointer, now }: QueryContext): Expression {
  const faults: Fault[] = [];
  const fault = (at: number, code: string, detail: string): null => {
    faults.push({ at, code, detail });
    return null;
  };
  const expression = query.length > maxQueryLength ? tooLong(fault) : parse(query, now, fault);
  if (expression === null || faults.length > 0) throw failureOf(faults, pointer);
  assertExpression(expression, pointer);
  return expression;
}

type Fault = { at: number; code: string; detail: string };
type OnFault = (at: number, code: string, detail: string) => null;

function tooLong(fault: OnFault): null {
  return fault(maxQueryLength, "too-long", `a search is at most ${maxQueryLength} characters long`);
}

/** More errors than this help nobody. */
const maxFaults = 20;

function failureOf(faults: Fault[], pointer: string): Failure {
  const told = faults.sort((a, b) => a.at - b.at).slice(0, maxFaults);
  const errors: InputError[] = told.map(({ at, code, detail }) => ({
    pointer,
    code,
    detail: `At character ${at + 1}: ${detail}.`,
  }));
  return new Failure("validation-failed", errors[0]?.detail ?? "The search can't be read.", {
    errors,
    fix: "Put text that holds colons, dashes or brackets in quotes.",
    extra: { positions: told.map(({ at }) => at + 1) },
  });
}

/** Reads all words; null where their order makes no search. What is wrong within a word is told, and the rest read on. */
function parse(query: string, now: number, fault: OnFault): Expression | null {
  const words = splitSearchQuery(query, fault);
  let next = 0;
  const peek = (): SearchWord | undefined => words[next];

  function readAll(depth: number): Expression | null {
    const all: Expression[] = [];
    for (;;) {
      const one = readAny(depth);
      if (one === null) return null;
      all.push(one);
      const isJoined = peek()?.kind === "and";
      if (isJoined) next++;
      const follows = peek();
      if (!isJoined && (follows === undefined || follows.kind === "close")) break;
    }
    return joined("and", all);
  }

  function readAny(depth: number): Expression | null {
    const any: Expression[] = [];
    for (;;) {
      const one = readOne(depth);
      if (one === null) return null;
      any.push(one);
      if (peek()?.kind !== "or") return joined("or", any);
      next++;
    }
  }

  function readOne(depth: number): Expression | null {
    const word = peek();
    if (word === undefined) return fault(query.length, "incomplete", "something to search for is missing here");
    if (depth > searchLimits.depth)
      return fault(word.at, "too-deep", `brackets and negations go at most ${searchLimits.depth} deep`);
    next++;
    switch (word.kind) {
      case "not": {
        const one = readOne(depth + 1);
        return one === null ? null : { op: "not", of: one };
      }
      case "open": {
        const inner = readAll(depth + 1);
        if (inner === null) return null;
        if (peek()?.kind !== "close") return fault(word.at, "unclosed", "this bracket is never closed");
        next++;
        return inner;
      }
      case "term":
        return readTerm(word, now, fault);
      default:
        return fault(word.at, "misplaced", `something to search for is missing before ${named[word.kind]}`);
    }
  }

  const expression = readAll(0);
  const rest = peek();
  if (expression !== null && rest !== undefined) return fault(rest.at, "misplaced", "this bracket was never opened");
  return expression;
}

const named = { and: "AND", or: "OR", close: "the closing bracket" } as const;

function joined(op: "and" | "or", of: Expression[]): Expression {
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { op, of };
}

/** What stands for a word that is wrong, so that reading can go on. */
const wrong: Expression = { op: "none" };

type Term = Extract<SearchWord, { kind: "term" }>;

function readTerm(term: Term, now: number, fault: OnFault): Expression {
  const read = term.name === null ? freeText : searchOperators.get(term.name.toLowerCase());
  if (read === undefined) {
    fault(term.at, "unknown-operator", `there is no operator ${String(term.name).slice(0, 30)}:`);
    return wrong;
  }
  if (term.value === "") {
    fault(term.valueAt, "value-missing", term.name === null ? "these quotes are empty" : `${term.name}: has no value`);
    return wrong;
  }
  const expression = read(term.value, now);
  if (typeof expression === "string") {
    fault(term.valueAt, "invalid-value", `${term.name}: ${expression}`);
    return wrong;
  }
  const [code, detail] = predicateFault(expression.op === "not" ? expression.of : expression) ?? [];
  if (code === undefined || detail === undefined) return expression;
  fault(term.valueAt, code, `${detail.slice(0, 1).toLowerCase()}${detail.slice(1, -1)}`);
  return wrong;
}
