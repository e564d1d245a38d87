import { Failure } from "../../errors.ts";
import { takesAbsentUids } from "./capabilities.ts";
import type { SearchProgram } from "./compile-search.ts";
import { fetchRows } from "./fetch.ts";
import { readSearchReply, type SearchReply } from "./search-reply.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, sequence, type Token } from "./wire.ts";

/** Sequence numbers, the first and the last one. */
export type Window = { low: number; high: number };

/** Which UIDs are looked for, both inclusive. */
export type Bounds = { from: number; to: number };

/** What is told of all that a search finds: `most` at one end, or all, or how many there are. */
type Telling = { end: "newest" | "oldest"; most: number } | "all" | "count";

/** How a server tells it: a part (RFC 9394), a set or a count (RFC 4731), or number by number. The best way comes first. */
const ways = ["partial", "extended", "plain"] as const;
type Way = (typeof ways)[number];

/** UIDs, ascending; `isCut` where the server has told no more than the part that was asked for. */
type Found = { uids: number[]; isCut: boolean };

/**
 * The messages of a window of the selected folder that a search finds. Where a part is wanted, a server without PARTIAL (RFC 9394)
 * tells all. Fails as `isRefused` says where the server refuses the search.
 */
export async function searchWindow(
  session: Session,
  program: SearchProgram,
  window: Window,
  { from, to }: Bounds,
  telling: Exclude<Telling, "count">,
): Promise<Found> {
  const where = takesAbsentUids(session) ? boundsOf({ from, to }) : [];
  const { numbers, isCut } = await run(session, program, [windowOf(window), ...where], telling);
  const uids = takesAbsentUids(session) ? numbers : await uidsOf(session, numbers);
  return { uids: uids.filter((uid) => uid >= from && uid <= to), isCut };
}

/** Which of these UIDs, all in a window of the selected folder, a search finds. */
export async function searchAmong(
  session: Session,
  program: SearchProgram,
  window: Window,
  uids: number[],
): Promise<Set<number>> {
  const found = new Set<number>();
  if (takesAbsentUids(session)) {
    for (const set of uidSets(uids)) {
      const { numbers } = await run(session, program, [atom("UID"), sequence(set)], "all");
      for (const uid of numbers) found.add(uid);
    }
    return found;
  }
  const { numbers } = await run(session, program, [windowOf(window)], "all");
  return new Set(await uidsOf(session, numbers));
}

/** How many messages of a window of the selected folder a search finds. */
export async function countWindow(session: Session, program: SearchProgram, window: Window): Promise<number> {
  const { count, numbers } = await run(session, program, [windowOf(window)], "count");
  return count ?? numbers.length;
}

/** The best way in which the server tells what a search finds. */
export function wayOf(session: Session): Way {
  return ways.slice(ways.indexOf(session.searchWay)).find((way) => isOffered(session, way)) ?? "plain";
}

function isOffered(session: Session, way: Way): boolean {
  return way === "plain" || (session.has("ESEARCH") && (way === "extended" || session.has("PARTIAL")));
}

/** Whether a search failed because the server refused just that, whatever the reason. */
export function isRefused(session: Session, error: unknown): error is Failure {
  if (session.dead !== null || !(error instanceof Failure)) return false;
  const isSearch = error.details.upstream?.phase.endsWith("SEARCH") === true;
  return isSearch && ["refused-by-server", "unsupported-by-server", "upstream-protocol-error"].includes(error.code);
}

function windowOf({ low, high }: Window): Token {
  return sequence(`${low}:${high}`);
}

function boundsOf({ from, to }: Bounds): Token[] {
  if (from <= 1 && to === Infinity) return [];
  return [atom("UID"), sequence(`${from}:${to === Infinity ? "*" : to}`)];
}

/** In the best way that the server takes. Fails with the last refusal where it takes none. */
async function run(
  session: Session,
  program: SearchProgram,
  where: Token[],
  telling: Telling,
): Promise<SearchReply & { isCut: boolean }> {
  const best = wayOf(session);
  for (let way = best; ; way = way === "partial" ? "extended" : "plain") {
    try {
      const reply = await runIn(session, way, program, where, telling);
      // What it announces and refuses is not tried again.
      if (way !== best) session.searchWay = way;
      return reply;
    } catch (error) {
      if (!isRefused(session, error) || way === "plain") throw error;
    }
  }
}

async function runIn(
  session: Session,
  way: Way,
  { charset, criteria }: SearchProgram,
  where: Token[],
  telling: Telling,
): Promise<SearchReply & { isCut: boolean }> {
  // GNU imap4d takes the sequence numbers in UID SEARCH for UIDs.
  const phase = takesAbsentUids(session) ? "UID SEARCH" : "SEARCH";
  const args = [...returnOf(way, telling), ...charset, ...where, ...criteria];
  const { untagged } = await session.exec(phase, args, { keep: ["SEARCH", "ESEARCH"] });
  const reply = readSearchReply(session, untagged);
  const isCut = way === "partial" && typeof telling === "object" && reply.numbers.length >= telling.most;
  return { ...reply, isCut };
}

function returnOf(way: Way, telling: Telling): Token[] {
  if (way === "plain") return [];
  if (telling === "count") return [atom("RETURN"), [atom("COUNT")]];
  if (way === "extended" || telling === "all") return [atom("RETURN"), [atom("ALL")]];
  const range = telling.end === "newest" ? `-1:-${telling.most}` : `1:${telling.most}`;
  return [atom("RETURN"), [atom("PARTIAL"), atom(range)]];
}

/** The UIDs of messages by their sequence numbers, right behind the SEARCH that told these: nothing is expunged in between. */
async function uidsOf(session: Session, numbers: number[]): Promise<number[]> {
  const uids: number[] = [];
  const wanted = new Set(numbers);
  for (const set of uidSets(numbers)) {
    const rows = await fetchRows(session, "FETCH", set, [atom("UID")], { withKey: false });
    for (const row of rows) if (row.uid !== undefined && wanted.has(row.sequence)) uids.push(row.uid);
  }
  return uids.sort((a, b) => a - b);
}
