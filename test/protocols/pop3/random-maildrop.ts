import type { SearchFacts } from "../../../src/mail/match-search.ts";
import type { Predicate } from "../../../src/mail/search.ts";
import { pick, type Random, randomPredicate } from "../../mail/random-search.ts";
import { randomMail } from "../imap/random-mail.ts";

/** A message as its last server stored it, which tells when it came, and all that is true of it. */
export function maildropMail(random: Random, number: number): { raw: Buffer; facts: SearchFacts } {
  const { raw, facts } = randomMail(random, number);
  const came = random() < 0.1 ? null : (facts.receivedAt ?? 0);
  const received =
    came === null ? "" : `Received: from a.test by b.test with ESMTP;\r\n ${new Date(came).toUTCString()}\r\n`;
  const whole = Buffer.concat([Buffer.from(`${received}Date: ${dateOf(number)}\r\n`), raw]);
  return { raw: whole, facts: { ...facts, receivedAt: came, size: whole.length } };
}

/** Tells a message from all others, whatever is random of it. */
export function dateOf(number: number): string {
  return new Date(Date.UTC(2001, 0, 1) + number * 60_000).toUTCString();
}

/** One that a maildrop's headers, flags and sizes decide. */
export function headerPredicate(random: Random): Predicate {
  const predicate = randomPredicate(random, ops);
  if (predicate.op !== "header") return predicate;
  const name = pick(random, ["Subject", "FROM", "bcc", "Message-Id"]);
  return { ...predicate, name };
}

const ops =
  "from to cc bcc subject header messageId since before seen flagged answered draft keyword largerThan smallerThan".split(
    " ",
  ) as Predicate["op"][];
