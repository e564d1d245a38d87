import { invalid } from "../../errors.ts";
import { assertFilterText, passesByFlags, passesByTime } from "../../mail/filter.ts";
import type { Filter } from "../../mail/mailbox.ts";
import type { Summary } from "../../mail/message.ts";
import { searchDate } from "./dates.ts";
import { deadlines } from "./deadline.ts";
import { searchUids } from "./existing.ts";
import { fetchSummaries, type Listed } from "./fetch-summaries.ts";
import type { Session } from "./session.ts";
import { atom, sequence, text, type Token } from "./wire.ts";

/** Messages searched at a time, newest first: the first answer comes soon, and no answer is beyond what may be read. */
const windowSizes = [5_000, 50_000, 100_000];

const day = 86_400_000;

/** The newest messages of the selected folder that pass the filter, below a UID, with sequence numbers up to `top`. */
export async function listMatching(
  session: Session,
  { below, top, limit }: { below: number; top: number; limit: number },
  filter: Filter,
): Promise<Listed[]> {
  const { charset, criteria } = searchCriteria(filter);
  const listed: Listed[] = [];
  const giveUpAt = session.clock.now() + deadlines.search;
  let high = top;
  for (let round = 0; high > 0 && listed.length < limit; round++) {
    const size = windowSizes[Math.min(round, windowSizes.length - 1)] ?? high;
    const low = Math.max(1, high - size + 1);
    const bounds = Number.isFinite(below) ? [atom("UID"), sequence(`1:${Math.max(1, below - 1)}`)] : [];
    const left = Math.max(1, giveUpAt - session.clock.now());
    const found = await searchUids(session, [...charset, sequence(`${low}:${high}`), ...bounds, ...criteria], {
      deadline: left,
    });
    const uids = found.filter((uid) => uid < below).reverse();
    for (let start = 0; start < uids.length && listed.length < limit; start += limit) {
      const page = await fetchSummaries(session, { uids: uids.slice(start, start + limit) });
      listed.push(...page.filter(({ summary }) => passes(summary, filter)));
    }
    high = low - 1;
  }
  return listed.slice(0, limit);
}

/** What SEARCH can't say exactly (days instead of instants) or may have changed since it answered. */
function passes({ receivedAt, flags }: Summary, filter: Filter): boolean {
  return passesByFlags(filter, flags) && passesByTime(filter, receivedAt);
}

function searchCriteria(filter: Filter): { charset: Token[]; criteria: Token[] } {
  const criteria: Token[] = [];
  if (filter.unseen !== undefined) criteria.push(atom(filter.unseen ? "UNSEEN" : "SEEN"));
  if (filter.flagged !== undefined) criteria.push(atom(filter.flagged ? "FLAGGED" : "UNFLAGGED"));
  if (filter.from !== undefined) criteria.push(atom("FROM"), words("from", filter.from));
  if (filter.subject !== undefined) criteria.push(atom("SUBJECT"), words("subject", filter.subject));
  // A server compares days in a time zone of its own (RFC 9051 §6.4.4), from -12 to +14 hours: so a day more each side.
  if (filter.since !== undefined) criteria.push(atom("SINCE"), atom(searchDate(instant("since", filter.since) - day)));
  if (filter.before !== undefined) {
    criteria.push(atom("BEFORE"), atom(searchDate(instant("before", filter.before) + 2 * day)));
  }
  const isAscii = criteria.every((token) => !("type" in token) || token.type !== "LITERAL");
  return { charset: isAscii ? [] : [atom("CHARSET"), atom("UTF-8")], criteria };
}

function words(name: "from" | "subject", value: string): Token {
  assertFilterText(name, value);
  return text(value);
}

function instant(name: string, value: number): number {
  if (Number.isFinite(value) && Math.abs(value) < 8e15 && new Date(value).getUTCFullYear() >= 1)
    return clampYear(value);
  throw invalid(`?${name}`, "invalid-date", `${name} is an instant.`);
}

/** SEARCH takes years of four digits, and no mail is older than 1970. */
function clampYear(value: number): number {
  return Math.min(Math.max(value, 2 * day), Date.UTC(9999, 0, 1));
}
