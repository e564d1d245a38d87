import type { Flags } from "./flags.ts";
import { foldText } from "./fold-text.ts";
import type { Expression, Predicate } from "./search.ts";

/** What is known of one message; what is absent is not known. Fields as people read them: unfolded and decoded. */
export type SearchFacts = {
  /** All fields of a name, joined; "" where there is none. */
  from?: string | undefined;
  to?: string | undefined;
  cc?: string | undefined;
  bcc?: string | undefined;
  subject?: string | undefined;
  /** With its angle brackets; null where there is none. */
  messageId?: string | null | undefined;
  /** All fields of the header. */
  headers?: { name: string; value: string }[] | undefined;
  /** The decoded texts of the body. */
  body?: string[] | undefined;
  /** Milliseconds; null where the message has none. */
  receivedAt?: number | null | undefined;
  /** Octets. */
  size?: number | undefined;
  flags?: Flags | undefined;
  keywords?: string[] | undefined;
  hasAttachment?: boolean | undefined;
  filenames?: string[] | undefined;
  /** Every name that the message's folders go by: ids and roles. */
  folders?: string[] | undefined;
};

/** Whether a message is what a search looks for; null where the facts don't tell. */
export function matchSearch(expression: Expression, facts: SearchFacts): boolean | null {
  const fold = foldOnce();
  return evaluate(expression, (predicate) => matchPredicate(predicate, facts, fold));
}

type Fold = (text: string) => string;

/** Folds each text once: for all predicates that look into one message. */
export function foldOnce(): Fold {
  const folded = new Map<string, string>();
  return (text) => {
    const known = folded.get(text) ?? foldText(text);
    folded.set(text, known);
    return known;
  };
}

/** An expression's truth by that of its predicates, null being unknown: what can be told without it is told. */
export function evaluate(expression: Expression, decide: (predicate: Predicate) => boolean | null): boolean | null {
  switch (expression.op) {
    case "and":
    case "or": {
      const settles = expression.op === "or";
      let result: boolean | null = !settles;
      for (const each of expression.of) {
        const one = evaluate(each, decide);
        if (one === settles) return settles;
        if (one === null) result = null;
      }
      return result;
    }
    case "not": {
      const inner = evaluate(expression.of, decide);
      return inner === null ? null : !inner;
    }
    case "all":
    case "none":
      return expression.op === "all";
    default:
      return decide(expression);
  }
}

/** Whether a predicate is true of a message; null where the facts don't tell. */
export function matchPredicate(predicate: Predicate, facts: SearchFacts, fold: Fold = foldText): boolean | null {
  const holds = (text: string): boolean => fold(text).includes(wantedOf(predicate));
  switch (predicate.op) {
    case "from":
    case "to":
    case "cc":
    case "bcc":
    case "subject":
      return known(facts[predicate.op], holds);
    case "header":
      return known(facts.headers, (headers) => hasHeader(headers, predicate, holds));
    case "text":
      return either(
        known(facts.headers, (headers) => headers.some(({ name, value }) => holds(`${name}: ${value}`))),
        known(facts.body, (texts) => texts.some(holds)),
      );
    case "body":
      return known(facts.body, (texts) => texts.some(holds));
    case "filename":
      return known(facts.filenames, (names) => names.some(holds));
    case "messageId":
      return known(facts.messageId, (id) => id === predicate.value.replace(/\s+/g, ""));
    case "since":
      return known(facts.receivedAt, (at) => at !== null && at >= predicate.at);
    case "before":
      return known(facts.receivedAt, (at) => at !== null && at < predicate.at);
    case "largerThan":
      return known(facts.size, (size) => size > predicate.octets);
    case "smallerThan":
      return known(facts.size, (size) => size < predicate.octets);
    case "hasAttachment":
      return facts.hasAttachment ?? null;
    case "keyword":
      return known(facts.keywords, (keywords) =>
        keywords.some((keyword) => keyword.toLowerCase() === predicate.value.toLowerCase()),
      );
    case "inFolder":
      return known(facts.folders, (folders) => folders.includes(predicate.folder));
    default:
      return facts.flags?.[predicate.op] ?? null;
  }
}

function known<T>(fact: T | undefined, test: (fact: T) => boolean): boolean | null {
  return fact === undefined ? null : test(fact);
}

function either(one: boolean | null, other: boolean | null): boolean | null {
  if (one === true || other === true) return true;
  return one === null || other === null ? null : false;
}

function hasHeader(
  headers: { name: string; value: string }[],
  asked: { name: string; value: string },
  holds: (text: string) => boolean,
): boolean {
  return headers.some(
    ({ name, value }) => name.toLowerCase() === asked.name.toLowerCase() && (asked.value === "" || holds(value)),
  );
}

/** Folded once for all messages. */
const wanted = new WeakMap<Predicate, string>();

function wantedOf(predicate: Predicate): string {
  const known = wanted.get(predicate);
  if (known !== undefined) return known;
  const folded = foldText("value" in predicate ? predicate.value.trim() : "");
  wanted.set(predicate, folded);
  return folded;
}
