import { Failure, invalid } from "../errors.ts";
import { assertKeyword } from "./flags.ts";

/**
 * One thing that is true of a message or not. Text is found in any case (`foldText`), as a part of the field; times are
 * milliseconds and compare `receivedAt`; sizes are octets of the whole message, and a message of just that size is neither.
 */
export type Predicate =
  | { op: TextOp; value: string }
  /** A field of this name (in any case) that holds the value; "": that is there at all. */
  | { op: "header"; name: string; value: string }
  /** Message-ID, whole, with its angle brackets. */
  | { op: "messageId"; value: string }
  /** receivedAt >= at (`since`), or < at (`before`); neither is true of a message without a receivedAt. */
  | { op: "since" | "before"; at: number }
  | { op: "seen" | "flagged" | "answered" | "draft" | "hasAttachment" }
  /** In any case, as IMAP tells keywords apart. */
  | { op: "keyword"; value: string }
  | { op: "largerThan" | "smallerThan"; octets: number }
  /** A folder's id or role: what it means is the caller's to say (`settle`). */
  | { op: "inFolder"; folder: string };

/** `text` is the whole message: any header field, or the body; `filename` is that of any attachment. */
export type TextOp = "from" | "to" | "cc" | "bcc" | "subject" | "text" | "body" | "filename";

/** What a search looks for: predicates, joined. An `and` of nothing is `all`, an `or` of nothing is `none`. */
export type Expression =
  | { op: "and" | "or"; of: Expression[] }
  | { op: "not"; of: Expression }
  | { op: "all" | "none" }
  | Predicate;

/** What must be known of a message to decide a predicate. */
export type Need = "envelope" | "headers" | "arrival" | "size" | "structure" | "body" | "flags" | "place";

/** What a search may be: nested operators, nodes of all kinds, UTF-16 units of a value. */
export const searchLimits = { depth: 10, nodes: 100, value: 500 } as const;

const needs: Record<Predicate["op"], readonly Need[]> = {
  from: ["envelope"],
  to: ["envelope"],
  cc: ["envelope"],
  bcc: ["envelope"],
  subject: ["envelope"],
  messageId: ["envelope"],
  header: ["headers"],
  text: ["headers", "body"],
  body: ["body"],
  filename: ["structure"],
  hasAttachment: ["structure"],
  since: ["arrival"],
  before: ["arrival"],
  largerThan: ["size"],
  smallerThan: ["size"],
  seen: ["flags"],
  flagged: ["flags"],
  answered: ["flags"],
  draft: ["flags"],
  keyword: ["flags"],
  inFolder: ["place"],
};

export function needsOf(expression: Expression): Set<Need> {
  return new Set(predicatesOf(expression).flatMap(({ op }) => needs[op]));
}

/** Every predicate of an expression in its order; one that stands twice is told twice. */
export function predicatesOf(expression: Expression): Predicate[] {
  if (isPredicate(expression)) return [expression];
  return innerOf(expression).flatMap(predicatesOf);
}

function isPredicate(expression: Expression): expression is Predicate {
  return Object.hasOwn(needs, expression.op);
}

/** What an operator joins; nothing for anything else. */
function innerOf(expression: Expression): Expression[] {
  switch (expression.op) {
    case "and":
    case "or":
      return expression.of;
    case "not":
      return [expression.of];
    default:
      return [];
  }
}

/**
 * The same search with `not` on predicates only, no constant inside, no `and` directly in an `and` (nor `or` in `or`), none of
 * less than two, and nothing twice in one; also where some facts are unknown (`evaluate`). Predicates stay the same objects.
 */
export function normalise(expression: Expression): Expression {
  return pushDown(expression, false);
}

/** The normal form of an expression once some predicates are known for all messages: null is not known. */
export function settle(expression: Expression, decide: (predicate: Predicate) => boolean | null): Expression {
  return normalise(replace(expression, decide));
}

function replace(expression: Expression, decide: (predicate: Predicate) => boolean | null): Expression {
  switch (expression.op) {
    case "and":
    case "or":
      return { op: expression.op, of: expression.of.map((each) => replace(each, decide)) };
    case "not":
      return { op: "not", of: replace(expression.of, decide) };
    case "all":
    case "none":
      return expression;
    default: {
      const decided = decide(expression);
      return decided === null ? expression : { op: decided ? "all" : "none" };
    }
  }
}

function pushDown(expression: Expression, isNegated: boolean): Expression {
  switch (expression.op) {
    case "not":
      return pushDown(expression.of, !isNegated);
    case "all":
    case "none":
      return { op: (expression.op === "all") === isNegated ? "none" : "all" };
    case "and":
    case "or":
      return join(
        (expression.op === "and") === isNegated ? "or" : "and",
        expression.of.map((each) => pushDown(each, isNegated)),
      );
    default:
      return isNegated ? { op: "not", of: expression } : expression;
  }
}

/** An `and` or `or` of what is in normal form. */
function join(op: "and" | "or", of: Expression[]): Expression {
  const [neutral, absorbing] = op === "and" ? (["all", "none"] as const) : (["none", "all"] as const);
  const distinct = new Map<string, Expression>();
  for (const each of of.flatMap((one) => (one.op === op ? one.of : [one]))) {
    if (each.op === absorbing) return { op: absorbing };
    const key = JSON.stringify(each);
    if (each.op !== neutral && !distinct.has(key)) distinct.set(key, each);
  }
  const [only, ...more] = distinct.values();
  if (only === undefined) return { op: neutral };
  return more.length === 0 ? only : { op, of: [only, ...more] };
}

/**
 * Fails `validation-failed` for what is no search: too deep, too large, or a value that nothing can hold. `pointer` is where
 * the whole came from; what is wrong inside is named in words.
 */
export function assertExpression(expression: Expression, pointer: string): void {
  let nodes = 0;
  const look = (each: Expression, depth: number): void => {
    if (++nodes > searchLimits.nodes)
      throw invalid(pointer, "too-many", `A search has at most ${searchLimits.nodes} conditions and operators.`);
    if (depth > searchLimits.depth)
      throw invalid(pointer, "too-deep", `A search has at most ${searchLimits.depth} operators inside one another.`);
    const fault = isPredicate(each) ? predicateFault(each) : null;
    if (fault) throw invalid(pointer, ...fault);
    for (const inner of innerOf(each)) look(inner, depth + 1);
  };
  look(expression, 0);
}

/** Why nothing could match a predicate, as a code and a sentence; null where something could. */
export function predicateFault(predicate: Predicate): [code: string, detail: string] | null {
  switch (predicate.op) {
    case "since":
    case "before":
      return isInstant(predicate.at)
        ? null
        : ["invalid-date", `\`${predicate.op}\` is an instant of the years 1 to 9999.`];
    case "largerThan":
    case "smallerThan":
      return Number.isSafeInteger(predicate.octets) && predicate.octets >= 0
        ? null
        : ["out-of-range", `\`${predicate.op}\` is a whole number of octets, from 0 on.`];
    case "keyword":
      return keywordFault(predicate.value);
    case "header":
      // RFC 9110's token, which leaves out only what no field in use is named with.
      if (!/^[\w!#$%&'*+.^`|~-]{1,100}$/.test(predicate.name))
        return ["invalid-header-name", "A header field's name is letters, digits and dashes."];
      return predicate.value === "" ? null : textFault(predicate.op, predicate.value);
    case "inFolder":
      return textFault(predicate.op, predicate.folder);
    case "seen":
    case "flagged":
    case "answered":
    case "draft":
    case "hasAttachment":
      return null;
    default:
      return textFault(predicate.op, predicate.value);
  }
}

function textFault(name: string, value: string): [string, string] | null {
  if (value.length > searchLimits.value)
    return ["too-long", `\`${name}\` is at most ${searchLimits.value} characters long.`];
  if (value.trim() !== "" && !/\p{Cc}/u.test(value) && value.isWellFormed()) return null;
  return ["invalid-text", `\`${name}\` is text of at least one character, without control characters.`];
}

function keywordFault(value: string): [string, string] | null {
  try {
    assertKeyword(value);
    return null;
  } catch (error) {
    return ["invalid-keyword", error instanceof Failure ? error.message : "This is no keyword."];
  }
}

const instants = { first: Date.parse("0001-01-01T00:00:00Z"), last: Date.parse("9999-12-31T23:59:59.999Z") };

function isInstant(ms: number): boolean {
  return Number.isInteger(ms) && ms >= instants.first && ms <= instants.last;
}
