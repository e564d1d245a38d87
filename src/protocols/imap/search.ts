import { invalid } from "../../errors.ts";
import type { Heads, Matches, Page, Search, SearchAnswer } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { normalise } from "../../mail/search.ts";
import { withDeadline } from "../../net/deadline.ts";
import { type CompiledSearch, compileSearch } from "./compile-search.ts";
import { countMatching } from "./count-matching.ts";
import { type Candidate, type LookAt, lookAtSummaries, lookLightly } from "./decide.ts";
import { timedOut } from "./failures.ts";
import { findPage } from "./find-page.ts";
import { isRefused } from "./run-search.ts";
import { meetServer, searchServer } from "./search-server.ts";
import type { WantedPage } from "./search-windows.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { learnRefused } from "./unsearchable.ts";

/**
 * A page of the messages that match, in the page's order. The folder is searched window by window, and a page that takes long
 * ends early, at what was searched by then. Fails: `not-found`, `unsupported-by-server` for a predicate that the server
 * refuses and that can't be decided here, which it names, `upstream-timeout`.
 */
export async function search(
  session: Session,
  path: string,
  page: Page<ImapPlace>,
  wanted: Search,
): Promise<Matches<ImapPlace>> {
  const { matches, ...rest } = await pageOf(session, path, page, wanted, () => lookAtSummaries);
  return { ...rest, messages: matches.flatMap(({ summary }) => summary ?? []) };
}

/** The same, without what a listing tells of messages unless the search needs it or it is known but for the flags. */
export async function heads(
  session: Session,
  path: string,
  page: Page<ImapPlace>,
  wanted: Search,
): Promise<Heads<ImapPlace>> {
  const { matches, ...rest } = await pageOf(session, path, { ...page, beginsSmall: true }, wanted, lookLightly);
  const { uidValidity } = rest;
  const headOf = ({ uid, receivedAt, summary }: Candidate): Heads<ImapPlace>["heads"][number] => ({
    place: { path, uidValidity, uid },
    receivedAt,
    ...(summary && { summary }),
  });
  return { ...rest, heads: matches.map(headOf) };
}

type PageFound = Omit<Matches<ImapPlace>, "messages"> & { matches: Candidate[] };

async function pageOf(
  session: Session,
  path: string,
  page: WantedPage,
  { expression, count, until }: Search,
  lookBy: (compiled: CompiledSearch) => LookAt,
): Promise<PageFound> {
  if (!Number.isSafeInteger(page.limit) || page.limit < 1) {
    throw invalid("?limit", "out-of-range", "limit is a whole number from 1 on.");
  }
  const { clock } = session;
  const left = until - clock.now();
  if (left <= 0) throw timedOut({ host: session.host, phase: "SEARCH" });
  // Half of the time is for what was asked; the rest is to end in good order.
  const restAt = clock.now() + left / 2;
  const isLate = (): boolean => clock.now() >= restAt;

  const work = async (): Promise<PageFound> => {
    const { uidValidity } = await selectFolder(session, path, { fresh: true });
    return unlessRefused(session, expression, async (compiled) => {
      const { undecided, ...rest } = await findPage(session, page, compiled, lookBy(compiled), isLate);
      const isWhole = page.after === null && rest.next === null;
      const total = count ? (isWhole ? rest.matches.length : await countMatching(session, expression, isLate)) : null;
      const answer = { ...(await howAnswered(session, expression)), undecided, ...(total === null ? {} : { total }) };
      return { uidValidity, ...rest, answer };
    });
  };
  return withDeadline(clock, left, work(), () => session.kill(timedOut({ host: session.host, phase: session.phase })));
}

/** What the server refuses of a search is decided here where that can be, and the search done again. */
async function unlessRefused<T>(
  session: Session,
  expression: Search["expression"],
  work: (compiled: CompiledSearch) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work(compileSearch(expression, searchServer(session)));
    } catch (error) {
      if (!isRefused(session, error)) throw error;
      await learnRefused(session, expression, error);
    }
  }
}

async function howAnswered(
  session: Session,
  expression: Search["expression"],
): Promise<Pick<SearchAnswer, "engine" | "exact">> {
  const exactBy = (substrings: boolean): boolean =>
    compileSearch(expression, { ...searchServer(session), substrings }).exact;
  const { op } = normalise(expression);
  const engine = op === "all" || op === "none" ? "none" : "server";
  if (exactBy(false) === exactBy(true)) return { engine, exact: exactBy(true) };
  await meetServer(session);
  return { engine, exact: exactBy(searchServer(session).substrings) };
}
