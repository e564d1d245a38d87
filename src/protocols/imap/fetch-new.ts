import { brokeProtocol } from "./failures.ts";
import { fetchSummaries, fetchSummariesFrom, type Listed, oldestFirst } from "./fetch-summaries.ts";
import { fetchRows } from "./fetch.ts";
import { lastBelow } from "./last-below.ts";
import type { Session } from "./session.ts";
import { atom } from "./wire.ts";

/** So often a folder may have changed between the look for its first new message and the listing of that. */
const maxRounds = 5;

export type New = {
  /** Oldest first. */
  listed: Listed[];
  /** How many messages there are up to the last one listed, or in the folder where none is left out. */
  upTo: number;
  /** More have come than are listed. */
  more: boolean;
};

type Wanted = {
  /** The lowest UID of a new message. */
  from: number;
  /** How many messages there were below it. */
  below: number;
  limit: number;
};

/**
 * The messages of the selected folder from a UID on, where few are expected: one round trip. With `news` the server is asked
 * for that in the same one.
 */
export async function fetchFew(session: Session, { from, limit }: Wanted, news: boolean): Promise<New> {
  const { listed, last } = await fetchSummariesFrom(session, from, { news });
  return cut(listed, limit, last);
}

/** What was fetched, with those that the server has left out of its answer. */
export async function fetchLeftOut(session: Session, { from, limit }: Wanted, { listed, upTo }: New): Promise<New> {
  const told = new Set(listed.map(({ summary }) => summary.place.uid));
  const rows = await fetchRows(session, "UID FETCH", `${from}:*`, [atom("UID")], { withKey: false });
  const leftOut = rows.flatMap(({ uid = 0 }) => (uid >= from && !told.has(uid) ? [uid] : []));
  if (leftOut.length === 0) return { listed, upTo, more: false };
  const all = oldestFirst([...listed, ...(await fetchSummaries(session, { uids: leftOut.slice(0, limit) }))]);
  return cut(all, limit, Math.max(upTo, all.at(-1)?.sequence ?? 0));
}

/**
 * The oldest `limit` messages from a UID on, however many there are, by their sequence numbers: the message before the first
 * is asked for too, and proves that none is missing between. Where it is another by now, it is looked for.
 */
export async function fetchFirst(session: Session, { from, below, limit }: Wanted): Promise<New> {
  let before = below;
  for (let round = 0; round < maxRounds; round++) {
    const exists = session.selected?.exists ?? 0;
    if (exists === 0) return { listed: [], upTo: 0, more: false };
    const low = Math.max(1, Math.min(before, exists));
    const high = Math.min(exists, before + limit);
    const rows = oldestFirst(high < low ? [] : await fetchSummaries(session, { low, high }));
    const known = rows.findLast(({ summary }) => summary.place.uid < from)?.sequence ?? 0;
    const listed = rows.filter(({ summary }) => summary.place.uid >= from);
    const [first] = listed;
    // Nothing from there to the end, however many the server counts.
    if (!first && (round > 0 || (known > 0 && high === exists))) return { listed, upTo: known, more: false };
    if (first && first.sequence === known + 1 && (known > 0 || low === 1)) {
      const told = cut(listed, limit, listed.at(-1)?.sequence ?? known);
      return { ...told, more: told.more || told.upTo < exists };
    }
    before = await lastBelow(session, from, session.selected?.exists ?? 0);
  }
  const where = { host: session.host, phase: "FETCH" };
  throw brokeProtocol("The mail server's messages change their order.", where);
}

function cut(listed: Listed[], limit: number, upTo: number): New {
  if (listed.length <= limit) return { listed, upTo, more: false };
  const kept = listed.slice(0, limit);
  return { listed: kept, upTo: kept.at(-1)?.sequence ?? upTo, more: true };
}
