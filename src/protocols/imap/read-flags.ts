import { Failure } from "../../errors.ts";
import type { Since } from "../../mail/watch.ts";
import { fetchRows, flagItems } from "./fetch.ts";
import { knownRanges } from "./known-ranges.ts";
import type { Row } from "./row.ts";
import type { Selected } from "./selected.ts";
import type { Session } from "./session.ts";

/** How the flags of known messages were asked for. */
export type FlagsRead = {
  rows: Row[];
  /** The mod-sequence to go on from: all that changed up to it is in the rows. Null where the folder has none. */
  modSeq: string | null;
  /** `changes` since the cursor's mod-sequence, `all`, the `newest`, or none. */
  kind: "changes" | "all" | "newest" | "none";
  /** The server was asked for news along with them. */
  isAsked: boolean;
};

/**
 * The flags of known messages that may have changed, in the cheapest way: CHANGEDSINCE (RFC 7162 §3.1.4) where the folder has
 * mod-sequences; all flags where they have begun anew (a restored server) or just begun; else those of the newest, if wanted.
 * `isFresh`: the folder was selected just now. Otherwise it is asked for news in the same round trip.
 */
export async function readFlags(
  session: Session,
  folder: Selected,
  since: Since,
  { isFresh }: { isFresh: boolean },
): Promise<FlagsRead> {
  const { modSeq } = since.cursor;
  const isBegunAnew = isFresh && modSeq !== null && folder.modSeq !== null && BigInt(folder.modSeq) < BigInt(modSeq);
  if (folder.modSeq !== null && session.takesChangedSince && modSeq !== null && !isBegunAnew) {
    const changes = await readChanges(session, folder, since, modSeq, { news: !isFresh });
    if (changes !== null) return changes;
  }
  if (folder.modSeq !== null && session.takesChangedSince) {
    // Told before the flags are read, so that what changes meanwhile is told again.
    const startsAt = folder.modSeq;
    const rows = await readRanges(session, await knownRanges(since), { news: false });
    return { rows, modSeq: startsAt, kind: "all", isAsked: false };
  }
  if (since.rereadFlags === 0) return { rows: [], modSeq: null, kind: "none", isAsked: false };
  const newest = (await since.known()).slice(-since.rereadFlags);
  const ranges = newest.length === 0 ? [] : [`${newest[0]}:${newest.at(-1)}`];
  const rows = await readRanges(session, ranges, { news: !isFresh });
  return { rows, modSeq: null, kind: "newest", isAsked: !isFresh && ranges.length > 0 };
}

/** Null where the server refuses CHANGEDSINCE, though it tells mod-sequences. */
async function readChanges(
  session: Session,
  folder: Selected,
  since: Since,
  changedSince: string,
  { news }: { news: boolean },
): Promise<FlagsRead | null> {
  const ranges = await knownRanges(since);
  try {
    const rows = await readRanges(session, ranges, { news, changedSince });
    // A row that nobody can attribute may tell of a change that is to be asked for again.
    const told = rows.every(({ uid }) => uid !== undefined) ? rows.map((row) => row.modSeq ?? null) : [];
    const modSeq = [folder.modSeq, ...told].reduce(higher, changedSince);
    return { rows, modSeq, kind: "changes", isAsked: news && ranges.length > 0 };
  } catch (error) {
    // What it is too busy for now it can do another time.
    const isRefused = error instanceof Failure && /^(upstream-protocol-error|refused-by-server)$/.test(error.code);
    if (session.dead || !isRefused) throw error;
    session.takesChangedSince = false;
    return null;
  }
}

async function readRanges(
  session: Session,
  ranges: string[],
  { news, ...options }: { news: boolean; changedSince?: string },
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [index, range] of ranges.entries()) {
    const asking = { withKey: true, news: news && index === 0, ...options };
    for (const row of await fetchRows(session, "UID FETCH", range, flagItems, asking)) rows.push(row);
  }
  return rows;
}

function higher(a: string | null, b: string | null): string | null {
  return b !== null && (a === null || BigInt(b) > BigInt(a)) ? b : a;
}
