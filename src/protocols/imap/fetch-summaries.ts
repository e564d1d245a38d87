import type { ImapPlace, Summary } from "../../mail/message.ts";
import { searchExisting, searchUids } from "./existing.ts";
import { brokeProtocol } from "./failures.ts";
import { fetchRowsWithStructure } from "./fetch-structures.ts";
import { bareItems, fetchRows, flagItems } from "./fetch.ts";
import type { Facts, KnownFolder } from "./known-messages.ts";
import type { Row } from "./row.ts";
import type { Session } from "./session.ts";
import { factsOf, isComplete, toSummary } from "./summary.ts";
import { uidSets } from "./uid-set.ts";
import { sequence } from "./wire.ts";

export type Listed = { summary: Summary<ImapPlace>; sequence: number };

type Wanted = { low: number; high: number } | { uids: number[] };

/** A message's facts, known or just told, and its last row. */
type Found = Map<number, { row: Row; facts: Facts }>;

/**
 * The messages of a window of sequence numbers, or these UIDs, of the selected folder, newest first; of UIDs that are known
 * only the flags are asked for. None is lost in silence: one that the server leaves out is asked for again, then for its
 * bare facts, and is left out only when it is gone. Fails: `upstream-protocol-error` when it is there and can't be had.
 */
export async function fetchSummaries(session: Session, wanted: Wanted): Promise<Listed[]> {
  const folder = { path: session.selected?.path ?? "", uidValidity: session.selected?.uidValidity ?? 0 };
  const known = session.known(folder.path, folder.uidValidity);
  const found: Found = new Map();
  if ("low" in wanted) {
    const { low, high } = wanted;
    const rows = await fetchRowsWithStructure(session, "FETCH", `${low}:${high}`, known);
    const isWanted = (row: Row): boolean => row.sequence >= low && row.sequence <= high;
    keepComplete(rows.filter(isWanted), known, found);
  } else await fetchByUid(session, new Set(wanted.uids), known, found);
  const expected = "low" in wanted ? wanted.high - wanted.low + 1 : new Set(wanted.uids).size;
  if (found.size < expected) await fetchMissing(session, wanted, known, found);
  return oldestFirst(toListed(found, folder)).reverse();
}

/** The selected folder's messages with UIDs from one on, as they are found, and where its last message stands. */
export type FromUid = { listed: Listed[]; last: number };

/**
 * All messages of the selected folder from a UID on, oldest first, in one round trip; for what the server leaves out of a
 * message it is asked again. `last` is the sequence number of the folder's last message as the answer has it (`n:*` tells
 * of that also where its UID is below n). With `news` it is asked for that in the same round trip.
 */
export async function fetchSummariesFrom(
  session: Session,
  from: number,
  { news }: { news: boolean },
): Promise<FromUid> {
  const folder = session.selected;
  if (folder === null) return { listed: [], last: 0 };
  const known = session.known(folder.path, folder.uidValidity);
  const rows = await fetchRowsWithStructure(session, "UID FETCH", `${from}:*`, known, { news });
  // A row without what only an answer has was told unasked.
  const answers = rows.filter(({ uid, size }) => uid !== undefined && size !== undefined);
  folder.told.flags += rows.length - answers.length;
  const found: Found = new Map();
  keepComplete(
    answers.filter(({ uid = 0 }) => uid >= from),
    known,
    found,
  );
  const listed = toListed(found, folder);
  const headless = answers.flatMap(({ uid = 0 }) => (uid >= from && !found.has(uid) ? [uid] : []));
  if (headless.length > 0) listed.push(...(await fetchSummaries(session, { uids: headless })));
  const lastRow = answers.reduce<Row | null>((last, row) => ((row.uid ?? 0) > (last?.uid ?? 0) ? row : last), null);
  return { listed: oldestFirst(listed), last: lastRow?.sequence ?? folder.exists };
}

export function oldestFirst(listed: Listed[]): Listed[] {
  return listed.sort((a, b) => a.summary.place.uid - b.summary.place.uid);
}

function toListed(found: Found, folder: { path: string; uidValidity: number }): Listed[] {
  return [...found.values()].flatMap(({ row, facts }) => {
    const summary = toSummary(row, facts, folder);
    return summary ? [{ summary, sequence: row.sequence }] : [];
  });
}

async function fetchByUid(session: Session, uids: Set<number>, known: KnownFolder, found: Found): Promise<void> {
  const facts = new Map([...uids].flatMap((uid) => knownEntry(known, uid)));
  for (const set of uidSets([...facts.keys()])) {
    for (const row of await fetchRows(session, "UID FETCH", set, flagItems, { withKey: false })) {
      const own = row.uid === undefined ? undefined : facts.get(row.uid);
      if (row.uid !== undefined && row.flags !== undefined && own) found.set(row.uid, { row, facts: own });
    }
  }
  for (const set of uidSets([...uids].filter((uid) => !facts.has(uid)))) {
    const rows = await fetchRowsWithStructure(session, "UID FETCH", set, known);
    keepComplete(
      rows.filter((row) => uids.has(row.uid ?? 0)),
      known,
      found,
    );
  }
}

function knownEntry(known: KnownFolder, uid: number): [number, Facts][] {
  const facts = known.facts(uid);
  return facts ? [[uid, facts]] : [];
}

function keepComplete(rows: Row[], known: KnownFolder, found: Found): void {
  for (const row of rows) {
    if (!isComplete(row)) continue;
    const before = known.facts(row.uid);
    const facts = before?.structure ? before : factsOf(row);
    // Of a suspect the structure may come yet.
    if (!known.structures.suspects.has(row.uid)) known.put(row.uid, facts);
    found.set(row.uid, { row, facts });
  }
}

async function fetchMissing(session: Session, wanted: Wanted, known: KnownFolder, found: Found): Promise<void> {
  const stillThere = async (): Promise<number[]> => {
    if ("uids" in wanted) return [...(await searchExisting(session, wanted.uids))].filter((uid) => !found.has(uid));
    const high = Math.min(wanted.high, session.selected?.exists ?? 0);
    const uids = high < wanted.low ? [] : await searchUids(session, [sequence(`${wanted.low}:${high}`)]);
    return uids.filter((uid) => !found.has(uid));
  };
  // What others have removed may not have been told yet.
  await session.exec("NOOP", []);
  const missing = await stillThere();
  if (missing.length === 0) return;
  await fetchByUid(session, new Set(missing), known, found);
  const headless = await stillThere();
  if (headless.length === 0) return;
  for (const set of uidSets(headless)) {
    for (const row of await fetchRows(session, "UID FETCH", set, bareItems, { withKey: true })) {
      if (row.uid !== undefined && headless.includes(row.uid)) found.set(row.uid, { row, facts: factsOf(row) });
    }
  }
  if ((await stillThere()).length === 0) return;
  const where = { host: session.host, phase: "FETCH" };
  throw brokeProtocol("The mail server has messages that it does not let be listed.", where);
}
