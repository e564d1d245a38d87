import { Failure } from "../../errors.ts";
import { evaluate, matchPredicate, matchSearch, type SearchFacts } from "../../mail/match-search.ts";
import { type Expression, needsOf, type Predicate, predicatesOf } from "../../mail/search.ts";
import { decodeWords } from "../../mime/encoded-words.ts";
import { messageIdOf, rawHeaders } from "../../mime/headers.ts";
import { receivedAtOf, searchableNames } from "./header-facts.ts";
import type { Told } from "./read-headers.ts";

/** Fails `unsupported-by-protocol` for what neither a header's fields that are kept nor flags nor sizes tell. */
export function assertAnswerable(expression: Expression): void {
  for (const predicate of predicatesOf(expression)) {
    const lacking = lackingFor(predicate);
    if (lacking === null) continue;
    const { named, detail } = lacking;
    throw new Failure("unsupported-by-protocol", detail, {
      fix: "Search by from, to, cc, bcc, subject, messageId, dates, size, flags or keywords instead, or store the account with IMAP, if its provider offers that.",
      extra: { predicate: named },
    });
  }
}

function lackingFor(predicate: Predicate): { named: string; detail: string } | null {
  switch (predicate.op) {
    case "text":
    case "body":
      return {
        named: predicate.op,
        detail: `\`${predicate.op}\` can't be searched over POP3: it looks into bodies, and every message would have to be read whole.`,
      };
    case "filename":
    case "hasAttachment":
      return {
        named: predicate.op,
        detail: `\`${predicate.op}\` can't be searched over POP3: only a message that is read whole tells its attachments.`,
      };
    case "header":
      if (searchableNames.has(predicate.name.toLowerCase())) return null;
      return {
        named: predicate.op,
        detail: `Over POP3 \`header\` finds these fields and no other: ${[...searchableNames].join(", ")}.`,
      };
    case "inFolder":
      return { named: predicate.op, detail: "A POP3 mailbox has one folder, so there is nothing to tell by it." };
    default:
      return null;
  }
}

/** Whether a predicate is decided by the message's header; else by what is told of a message without it. */
export function needsHeader(expression: Expression): boolean {
  const needs = needsOf(expression);
  return needs.has("envelope") || needs.has("headers") || needs.has("arrival");
}

/** What a header that was read tells; nothing but the size where the server does not give it. */
export function factsOfHeader({ listed, size }: Pick<Told, "listed" | "size">): SearchFacts {
  const known = size === null ? {} : { size };
  if (!listed) return known;
  const raw = rawHeaders(listed.fields);
  const headers = raw.map(({ name, value }) => ({ name, value: decodeWords(value) }));
  const textOf = (name: string): string =>
    headers
      .filter((header) => header.name.toLowerCase() === name)
      .map(({ value }) => value)
      .join(", ");
  return {
    ...known,
    from: textOf("from"),
    to: textOf("to"),
    cc: textOf("cc"),
    bcc: textOf("bcc"),
    subject: textOf("subject"),
    messageId: messageIdOf(raw),
    headers,
    receivedAt: receivedAtOf(raw),
  };
}

/** Whether the message matches; null where its facts don't tell. What a cut header does not hold may have stood behind the cut. */
export function isMatch(expression: Expression, facts: SearchFacts, isCut: boolean): boolean | null {
  if (!isCut) return matchSearch(expression, facts);
  return evaluate(expression, (predicate) => {
    const needs = needsOf(predicate);
    const isOfText = needs.has("envelope") || needs.has("headers");
    const is = matchPredicate(predicate, facts);
    return is === false && isOfText ? null : is;
  });
}
