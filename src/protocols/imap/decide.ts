import { evaluate, foldOnce, matchPredicate, type SearchFacts } from "../../mail/match-search.ts";
import type { ImapPlace, Summary } from "../../mail/message.ts";
import { needsOf, type Predicate, predicatesOf } from "../../mail/search.ts";
import { searchFacts } from "../../mime/search-facts.ts";
import type { CompiledSearch } from "./compile-search.ts";
import { bareItems, fetchRows, flagItems } from "./fetch.ts";
import { fetchSummaries } from "./fetch-summaries.ts";
import type { Facts, KnownFolder } from "./known-messages.ts";
import type { Row } from "./row.ts";
import { searchAmong, type Window } from "./run-search.ts";
import type { Session } from "./session.ts";
import { flagsOf, toSummary } from "./summary.ts";
import { uidSets } from "./uid-set.ts";

/** A message that a search found, as far as it was looked at. */
export type Candidate = {
  uid: number;
  /** Null where nobody asked. */
  sequence: number | null;
  receivedAt: number | null;
  facts: SearchFacts;
  /** Null where less was enough. */
  summary: Summary<ImapPlace> | null;
};

/** Looks at messages of the selected folder by their UIDs; those that are gone are left out. In any order. */
export type LookAt = (session: Session, uids: number[]) => Promise<Candidate[]>;

/** By all that a listing tells. */
export const lookAtSummaries: LookAt = async (session, uids) =>
  (await fetchSummaries(session, { uids })).map(({ summary, sequence }) => ({
    uid: summary.place.uid,
    sequence,
    receivedAt: summary.receivedAt,
    facts: searchFacts(summary),
    summary,
  }));

/**
 * By no more than what is left to be decided, when the message came, and its flags: with these, what is known of a message makes
 * its summary.
 */
export function lookLightly({ residual, asks }: CompiledSearch): LookAt {
  const needs = needsOf({ op: "and", of: predicatesOf(residual).filter((predicate) => !asks.has(predicate)) });
  return needs.has("envelope") || needs.has("structure") ? lookAtSummaries : lookAtRows;
}

const lookAtRows: LookAt = async (session, uids) => {
  const folder = { path: session.selected?.path ?? "", uidValidity: session.selected?.uidValidity ?? 0 };
  const known = session.known(folder.path, folder.uidValidity);
  const facts = new Map(uids.map((uid) => [uid, knownFacts(known, uid)]));
  const isKnown = [...facts.values()].every((each) => each !== null);
  const found = new Map<number, Candidate>();
  for (const set of uidSets(uids)) {
    for (const row of await fetchRows(session, "UID FETCH", set, isKnown ? flagItems : bareItems, { withKey: false })) {
      const candidate = candidateOf(row, facts.get(row.uid ?? 0), folder);
      if (candidate) found.set(candidate.uid, candidate);
    }
  }
  const missing = uids.filter((uid) => !found.has(uid));
  return [...found.values(), ...(missing.length === 0 ? [] : await lookAtSummaries(session, missing))];
};

function knownFacts(known: KnownFolder, uid: number): Facts | null {
  const facts = known.facts(uid);
  return facts?.warnings.includes("size-missing") === true ? null : facts;
}

/** Null where the row does not tell all, and where nobody asked for it (`facts` undefined). */
function candidateOf(
  row: Row,
  facts: Facts | null | undefined,
  folder: { path: string; uidValidity: number },
): Candidate | null {
  const { uid, sequence, flags, size, internalDate } = row;
  if (uid === undefined || flags === undefined || facts === undefined) return null;
  const summary = facts && toSummary(row, facts, folder);
  const told = summary ?? { size, receivedAt: internalDate };
  if (told.size === undefined || told.receivedAt === undefined) return null;
  const { size: octets, receivedAt } = told;
  return { uid, sequence, receivedAt, facts: { size: octets, receivedAt, ...flagsOf(row) }, summary };
}

/**
 * Whether each of the candidates matches; null where nobody can tell. What only the server can decide is asked, of those
 * candidates alone for which it matters. `window` is where they stand.
 */
export async function decide(
  session: Session,
  { residual, asks }: CompiledSearch,
  candidates: Candidate[],
  window: () => Window,
): Promise<(boolean | null)[]> {
  const asked = new Map<Predicate, Set<number>>();
  const folds = candidates.map(foldOnce);
  const verdicts = async (): Promise<(boolean | null)[]> => {
    const all: (boolean | null)[] = [];
    for (const [index, { uid, facts }] of candidates.entries()) {
      const is = evaluate(residual, (predicate) =>
        asks.has(predicate) ? (asked.get(predicate)?.has(uid) ?? null) : matchPredicate(predicate, facts, folds[index]),
      );
      if (all.push(is) % mostAtOnce === 0) await giveWay();
    }
    return all;
  };
  for (const [predicate, program] of asks) {
    const known = await verdicts();
    const open = candidates.filter((_, index) => known[index] === null).map(({ uid }) => uid);
    if (open.length === 0) break;
    asked.set(predicate, await searchAmong(session, program, window(), open));
  }
  return verdicts();
}

/** Messages that are decided without a break: one may have thousands of names, and each condition looks at all of them. */
const mostAtOnce = 10;

/** Lets others have a turn. */
function giveWay(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
