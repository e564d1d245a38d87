import { searchDate } from "./dates.ts";
import { type Expression, normalise, type Predicate, predicatesOf } from "../../mail/search.ts";
import { atom, text, type Token } from "./wire.ts";

/** What is known of how a server searches. */
export type SearchServer = {
  /**
   * It finds text anywhere in a decoded field, in any case, as RFC 9051 §6.4.4 asks (Dovecot, Cyrus). False where it finds words
   * only, or nobody knows.
   */
  substrings: boolean;
  /** It offers X-GM-EXT-1: Gmail's own search, which knows of attachments. */
  gmail: boolean;
  /** UTF8=ACCEPT is enabled (RFC 6855 §3): no charset may be named then. */
  utf8?: boolean;
  /** What it refuses to search by, of what a listing tells: that is decided here. */
  without?: ReadonlySet<string>;
};

/** Arguments of one SEARCH: what goes first, before any bounds, and the criteria, at least one. */
export type SearchProgram = { charset: Token[]; criteria: Token[] };

/**
 * A search as an IMAP server can answer it. A message is looked for when the program finds it and the residual is true of it:
 *
 *     evaluate(residual, (predicate) => asks.has(predicate) ? foundBy(asks.get(predicate)) : matchPredicate(predicate, facts))
 */
export type CompiledSearch = {
  /** Finds every message that matches, and maybe others; null where none can match. */
  program: SearchProgram | null;
  /** What is still to be decided of a message that was found; `all` where nothing is. Needs `needsOf(residual)` but for the asks. */
  residual: Expression;
  /** Predicates of the residual (the same objects) that only the server can decide: true of the messages that this finds. */
  asks: Map<Predicate, SearchProgram>;
  /**
   * The answer is what `matchSearch` says of every message: true of those whose header is as RFC 5322 and 2047 have it. False
   * where text is found as the server sees fit.
   */
  exact: boolean;
};

/** The settled search (`settle`), which may not name folders that are still unknown: those count as the messages' facts. */
export function compileSearch(expression: Expression, server: SearchServer): CompiledSearch {
  const wanted = normalise(expression);
  const keys = wider(wanted, server);
  const residual = residualOf(wanted, server);
  const asked = predicatesOf(residual).filter((predicate) => !isListed(predicate));
  return {
    program: keys === null ? null : programOf(keys.length === 0 ? [atom("ALL")] : keys.flat(), server),
    residual,
    asks: new Map(asked.map((predicate) => [predicate, programOf(said(predicate) ?? [atom("ALL")], server)])),
    exact: predicatesOf(wanted).every((predicate) => isExact(predicate, server)),
  };
}

/**
 * A search cut in two, so that most of what matches need only be counted: `sure` finds none but what matches, and `unsure` all
 * the rest of it, and maybe others. Null where nothing is left to be found.
 */
type CompiledCount = { sure: SearchProgram | null; unsure: SearchProgram | null };

export function compileCount(expression: Expression, server: SearchServer): CompiledCount {
  const wanted = normalise(expression);
  const matching = compileSearch(wanted, server).program;
  const failing = wider(normalise({ op: "not", of: wanted }), server);
  if (matching === null) return { sure: null, unsure: null };
  if (isSaid(predicatesOf(wanted), server) || failing === null) return { sure: matching, unsure: null };
  if (failing.length === 0) return { sure: null, unsure: matching };
  return {
    sure: programOf(negated(failing), server),
    unsure: programOf([...matching.criteria, ...failing.flat()], server),
  };
}

/** Finds what not all of the keys find. */
function negated(keys: Key[]): Key {
  const [only, ...more] = keys;
  if (only === undefined || more.length > 0) return [atom("NOT"), keys.flat()];
  const [first, ...rest] = only;
  return first !== undefined && "value" in first && first.value === "NOT" ? rest : [atom("NOT"), ...only];
}

function isSearched({ op }: Expression, { without }: SearchServer): boolean {
  return without?.has(op) !== true;
}

function programOf(criteria: Token[], server: SearchServer): SearchProgram {
  const isNamed = server.utf8 !== true && holdsLiteral(criteria);
  return { charset: isNamed ? [atom("CHARSET"), atom("UTF-8")] : [], criteria };
}

function holdsLiteral(tokens: Token[]): boolean {
  return tokens.some((token) => (Array.isArray(token) ? holdsLiteral(token) : token.type === "LITERAL"));
}

/** One search-key of RFC 9051 §9. It begins with an atom: imapflow writes no space after a list that another list begins with. */
type Key = Token[];

/** Keys that together find all that matches; [] is everything, null is nothing. Each `not` is of a predicate. */
function wider(expression: Expression, server: SearchServer): Key[] | null {
  switch (expression.op) {
    case "all":
      return [];
    case "none":
      return null;
    case "and": {
      const all = expression.of.map((each) => wider(each, server));
      return all.includes(null) ? null : all.flatMap((each) => each ?? []);
    }
    case "or": {
      const any = expression.of.map((each) => wider(each, server)).filter((each) => each !== null);
      const [only = null] = any;
      if (any.length < 2) return only;
      return any.some((keys) => keys.length === 0) ? [] : [anyOf(any)];
    }
    case "not":
      return keysOf(widerNot(expression.of, server));
    default:
      return keysOf(widerThan(expression, server));
  }
}

function keysOf(key: Key): Key[] {
  return key.length === 0 ? [] : [key];
}

/** OR takes two keys (RFC 9051 §6.4.4): halves, so that a hundred nest seven deep. */
function anyOf(all: Key[][]): Key {
  const [first = [], ...more] = all;
  if (more.length === 0) return first.length === 1 ? first.flat() : [first.flat()];
  const middle = Math.ceil(all.length / 2);
  return [atom("OR"), ...anyOf(all.slice(0, middle)), ...anyOf(all.slice(middle))];
}

const day = 86_400_000;

/** The years that SEARCH can name and every server reads; a day from each end is left for other time zones. */
const dates = { first: 2 * day, last: Date.UTC(9999, 11, 30) };

/** A size is a number of 32 bits (RFC 3501 §9). */
const maxSize = 2 ** 32 - 1;

/** Finds every message that the predicate is true of; [] where that may be any. */
function widerThan(predicate: Predicate, server: SearchServer): Key {
  if (!isSearched(predicate, server)) return [];
  switch (predicate.op) {
    // A server compares days in a time zone of its own (RFC 9051 §6.4.4), from -12 to +14 hours: so a day more each side.
    case "since":
      return predicate.at - day < dates.first ? [] : [atom("SINCE"), dateOf(predicate.at - day)];
    case "before":
      return predicate.at + 2 * day > dates.last ? [] : [atom("BEFORE"), dateOf(predicate.at + 2 * day)];
    case "largerThan":
      return said({ op: "largerThan", octets: Math.min(predicate.octets, maxSize) }) ?? [];
    case "messageId":
      return [atom("HEADER"), atom("MESSAGE-ID"), text(pieceOf(predicate.value))];
    case "hasAttachment":
    case "filename":
      return server.gmail ? gmailSearch(predicate) : [];
    default:
      return said(predicate) ?? [];
  }
}

/** Finds every message that the predicate is not true of; [] where that may be any. */
function widerNot(predicate: Expression, server: SearchServer): Key {
  if (!isSearched(predicate, server)) return [];
  switch (predicate.op) {
    case "since":
      return predicate.at + 2 * day > dates.last ? [] : [atom("NOT"), atom("SINCE"), dateOf(predicate.at + 2 * day)];
    case "before":
      return predicate.at - day < dates.first ? [] : [atom("NOT"), atom("BEFORE"), dateOf(predicate.at - day)];
    case "smallerThan":
      return [atom("NOT"), ...(said({ op: "smallerThan", octets: Math.min(predicate.octets, maxSize) }) ?? [])];
    // What holds a piece of an id may have another.
    case "messageId":
      return [];
    case "hasAttachment":
    case "filename":
      return server.gmail ? negatedKey(gmailSearch(predicate)) : [];
    case "seen":
    case "flagged":
    case "answered":
    case "draft":
      return [atom(`UN${predicate.op.toUpperCase()}`)];
    case "and":
    case "or":
    case "not":
    case "all":
    case "none":
      return [];
    // Also a keyword: GNU imap4d dies of UNKEYWORD.
    default: {
      const criteria = said(predicate);
      return criteria === null ? [] : [atom("NOT"), ...criteria];
    }
  }
}

/** The predicate in the server's own words, which mean just that as far as the server goes; null where it has none. */
function said(predicate: Predicate): Key | null {
  switch (predicate.op) {
    case "from":
    case "to":
    case "cc":
    case "bcc":
    case "subject":
    case "text":
    case "body":
      return [atom(predicate.op.toUpperCase()), text(oneSpaced(predicate.value))];
    case "header":
      return [atom("HEADER"), atom(predicate.name), text(oneSpaced(predicate.value))];
    case "seen":
    case "flagged":
    case "answered":
    case "draft":
      return [atom(predicate.op.toUpperCase())];
    case "keyword":
      return [atom("KEYWORD"), atom(predicate.value)];
    case "largerThan":
    case "smallerThan": {
      const key = predicate.op === "largerThan" ? "LARGER" : "SMALLER";
      return predicate.octets > maxSize ? null : [atom(key), atom(String(predicate.octets))];
    }
    default:
      return null;
  }
}

/** Whether a search by them finds just what they are true of, as far as the server goes. */
const isSaid = (predicates: Predicate[], server: SearchServer): boolean =>
  predicates.every((each) => isSearched(each, server) && said(each) !== null);

function dateOf(ms: number): Token {
  return atom(searchDate(Math.min(Math.max(ms, dates.first), dates.last)));
}

function oneSpaced(value: string): string {
  return value.trim().replace(/\s+/g, " ");
}

/** The longest piece of an id that every server reads alike, or all of it. */
function pieceOf(messageId: string): string {
  const whole = messageId.replace(/\s+/g, "");
  const pieces = whole.match(/[!#-;=?-[\]-~]+/g) ?? [];
  const longest = pieces.reduce((best, piece) => (piece.length > best.length ? piece : best), "");
  return (longest.length >= 8 ? longest : whole).slice(0, 200).replace(/[\ud800-\udbff]$/, "");
}

function negatedKey(key: Key): Key {
  return key.length === 0 ? [] : [atom("NOT"), ...key];
}

/** Gmail's idea of an attachment leaves some out that ours holds, and knows no part of a name but words; [] for no word at all. */
function gmailSearch(predicate: Predicate): Key {
  if (predicate.op !== "filename") return [atom("X-GM-RAW"), text("has:attachment")];
  const words = oneSpaced(predicate.value.replace(/["\\]/g, " "));
  return /[\p{L}\p{N}]/u.test(words) ? [atom("X-GM-RAW"), text(`filename:"${words}"`)] : [];
}

/** Whether a listing tells it of a message, so that it is decided here, as the message is now. */
export function isListed({ op }: Predicate): boolean {
  return !serverTexts.has(op);
}

const serverTexts: ReadonlySet<string> = new Set(["from", "to", "cc", "bcc", "subject", "header", "text", "body"]);

/**
 * What the program leaves open. Text is the server's to find, so what it has found by its own words is not looked at again;
 * where these stand beside others in an `or`, nobody knows for which of them a message was found.
 */
function residualOf(expression: Expression, server: SearchServer): Expression {
  const predicates = predicatesOf(expression);
  if (predicates.every(isListed)) return expression;
  if (expression.op === "and")
    return normalise({ op: "and", of: expression.of.map((each) => residualOf(each, server)) });
  return isSaid(predicates, server) ? { op: "all" } : expression;
}

function isExact(predicate: Predicate, server: SearchServer): boolean {
  if (predicate.op === "hasAttachment" || predicate.op === "filename") return !server.gmail;
  if (isListed(predicate)) return predicate.op !== "messageId" || server.substrings;
  return server.substrings && isExactText(predicate);
}

/** Names and addresses with what must be quoted among them are written in more than one way. */
function isExactText(predicate: Predicate): boolean {
  switch (predicate.op) {
    case "from":
    case "to":
    case "cc":
    case "bcc":
    case "header":
      return !/[",:;<>()[\]\\]/.test(predicate.value);
    case "subject":
      return true;
    // What of a message is its text (markup, what is attached, where a line ends) every server sees in its own way.
    default:
      return false;
  }
}
