import type { ImapPosition, Page } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import type { CompiledSearch, SearchProgram } from "./compile-search.ts";
import { type Candidate, decide, type LookAt } from "./decide.ts";
import { fetchRows } from "./fetch.ts";
import { type Bounds, searchWindow, type Window } from "./run-search.ts";
import { boundsBehind, type WantedPage, windowsBehind } from "./search-windows.ts";
import type { Session } from "./session.ts";
import { atom } from "./wire.ts";

/** Messages looked at by one command at most. */
const mostLooked = 500;

type FoundPage = {
  matches: Candidate[];
  /** Messages passed over, since nobody can tell whether they match. */
  undecided: number;
  /** Where the next page goes on; null at the end. */
  next: ImapPosition | null;
};

/** A page of what matches in the selected folder. Where it gets late, it ends behind what was looked at by then. */
export async function findPage(
  session: Session,
  page: WantedPage,
  compiled: CompiledSearch,
  lookAt: LookAt,
  isLate: () => boolean,
): Promise<FoundPage> {
  const { program } = compiled;
  const found: FoundPage = { matches: [], undecided: 0, next: null };
  if (program === null) return found;
  const direction = page.order === "oldest" ? 1 : -1;
  for await (const chunk of chunksOf(session, program, page)) {
    const candidates = (await lookAt(session, chunk.uids)).sort((a, b) => direction * (a.uid - b.uid));
    const verdicts = await decide(session, compiled, candidates, chunk.window);
    for (const [index, candidate] of candidates.entries()) {
      const verdict = verdicts[index] ?? null;
      if (verdict === null) found.undecided++;
      if (verdict !== true) continue;
      found.matches.push(candidate);
      if (found.matches.length < page.limit) continue;
      const isEnd = chunk.isLast && index === candidates.length - 1;
      return { ...found, next: isEnd ? null : await positionOf(session, candidate, chunk, page) };
    }
    if (chunk.isLast || !isLate()) continue;
    const next = await positionBehind(session, chunk, page);
    if (next !== null) return { ...found, next };
  }
  return found;
}

/** Messages that the program finds, in the order of the page. */
type Chunk = {
  uids: number[];
  /** They are the last ones of the window. */
  endsWindow: boolean;
  /** … and that is the last one. */
  isLast: boolean;
  /** Where the window stands by now. */
  window: () => Window;
  /** Where it ends by now. */
  edge: () => number;
  /** UIDs behind the chunk. */
  behind: Bounds;
};

/** Some at first, as most searches find what they need among those, and more from time to time. A window has one chunk at least. */
async function* chunksOf(session: Session, program: SearchProgram, page: WantedPage): AsyncGenerator<Chunk> {
  const end = page.order ?? "newest";
  const windows = await windowsBehind(session, page);
  let bounds = boundsBehind(page);
  let most = page.limit;
  while (windows.next() !== null) {
    for (let isCut = true; isCut;) {
      const told = await searchWindow(session, program, windows.current(), bounds, { end, most });
      isCut = told.isCut && told.uids.length > 0;
      const uids = end === "newest" ? told.uids.reverse() : told.uids;
      let start = 0;
      do {
        const some = uids.slice(start, start + most);
        start += most;
        most = Math.max(page.limit, Math.min(2 * most, mostLooked));
        const last = some.at(-1);
        if (last !== undefined)
          bounds = end === "newest" ? { from: 1, to: last - 1 } : { from: last + 1, to: Infinity };
        const endsWindow = start >= uids.length && !isCut;
        const isLast = endsWindow && windows.isDone();
        yield { uids: some, endsWindow, isLast, window: windows.current, edge: windows.edge, behind: bounds };
      } while (start < uids.length);
    }
  }
}

async function positionOf(
  session: Session,
  { uid, sequence }: Pick<Candidate, "uid" | "sequence">,
  { window }: Chunk,
  { order }: Page<ImapPlace>,
): Promise<ImapPosition> {
  if (sequence !== null) return { uid, sequence };
  const rows = await fetchRows(session, "UID FETCH", String(uid), [atom("UID")], { withKey: false });
  const { low, high } = window();
  // Where it is gone, all that is behind it stands behind there.
  const edge = order === "oldest" ? low : high + 1;
  return { uid, sequence: rows.find((row) => row.uid === uid)?.sequence ?? edge };
}

/** The position behind a chunk that may have had no match: of its last message, or of the last one in its window. */
async function positionBehind(session: Session, chunk: Chunk, page: Page<ImapPlace>): Promise<ImapPosition | null> {
  const last = chunk.uids.at(-1);
  if (!chunk.endsWindow && last !== undefined) return positionOf(session, { uid: last, sequence: null }, chunk, page);
  const edge = chunk.edge();
  const sequence = Math.min(edge, session.selected?.exists ?? 0);
  if (sequence < 1) return null;
  const rows = await fetchRows(session, "FETCH", String(sequence), [atom("UID")], { withKey: false });
  const uid = rows.find((row) => row.sequence === sequence)?.uid;
  if (uid === undefined) return null;
  // Where all of the window was expunged, and all above it, that message is one that was not looked at.
  if (sequence < edge) return { uid: uid + 1, sequence: sequence + 1 };
  // Where others were expunged, a message that was looked at already may stand at the edge.
  const { from, to } = chunk.behind;
  return { uid: page.order === "oldest" ? Math.max(uid, from - 1) : Math.min(uid, to + 1), sequence };
}
