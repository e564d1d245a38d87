import type { ImapAttribute, ImapResponse } from "imapflow";
import { brokeProtocol } from "./failures.ts";
import type { Session } from "./session.ts";
import { expandSet } from "./uid-set.ts";
import { numberOf, stringOf } from "./wire.ts";

/** No search of ours covers more messages. */
const maxFound = 200_000;

/** What a search was answered with: UIDs or sequence numbers, ascending, and how many there are, where that was asked instead. */
export type SearchReply = { numbers: number[]; count: number | null };

/**
 * What the SEARCH and ESEARCH responses (RFC 9051 §7.3.4, RFC 9394 §3) to one command tell. What is no set, or one larger
 * than any that was asked for, ends the session: `upstream-protocol-error`. Only numbers `among` some are kept, where that is given:
 * a server may tell of half a million that are not.
 */
export function readSearchReply(session: Session, untagged: ImapResponse[], among?: Set<number>): SearchReply {
  const all = new Set<number>();
  let count: number | null = null;
  for (const { command, numbers, attributes = [] } of untagged) {
    const isExtended = command?.toUpperCase() === "ESEARCH";
    const told = isExtended
      ? setOf(session, attributes)
      : (numbers ?? attributes.flatMap((each) => numberOf(each) ?? []));
    for (const number of told) if (number > 0 && (among?.has(number) ?? true)) all.add(number);
    if (isExtended) count = numberOf(itemOf(attributes, "COUNT")) ?? count;
  }
  return { numbers: [...all].sort((a, b) => a - b), count };
}

/** The set of ALL, that of PARTIAL behind its range, or the one of MIN; NIL, or no item, is nothing found. */
function setOf(session: Session, attributes: ImapAttribute[]): number[] {
  const partial = itemOf(attributes, "PARTIAL");
  const set = stringOf(Array.isArray(partial) ? partial[1] : (itemOf(attributes, "ALL") ?? itemOf(attributes, "MIN")));
  const numbers = set === null ? [] : expandSet(set, maxFound);
  if (numbers !== null) return numbers;
  const broken = brokeProtocol("The mail server's answer can't be read.", { host: session.host, phase: session.phase });
  session.kill(broken);
  throw broken;
}

function itemOf(attributes: ImapAttribute[], name: string): ImapAttribute | undefined {
  const at = attributes.findIndex((attribute) => stringOf(attribute)?.toUpperCase() === name);
  return at < 0 ? undefined : attributes[at + 1];
}
