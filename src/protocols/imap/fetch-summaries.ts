import type { Summary } from "../../mail/message.ts";
import { searchExisting, searchUids } from "./existing.ts";
import { brokeProtocol } from "./failures.ts";
import { bareItems, fetchRows, summaryItems } from "./fetch.ts";
import { isComplete, type Row, toSummary } from "./row.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { sequence } from "./wire.ts";

export type Listed = { summary: Summary; sequence: number };

/**
 * The messages of a window of sequence numbers, or these UIDs, of the selected folder, newest first. None is lost in
 * silence: one that the server leaves out is asked for again, then for its bare facts, and is left out only when it is gone.
 * Fails: `upstream-protocol-error` when it is there and can't be had.
 */
export async function fetchSummaries(
  session: Session,
  wanted: { low: number; high: number } | { uids: number[] },
): Promise<Listed[]> {
  const found = new Map<number, Row>();
  const keep = (rows: Row[], isWanted: (row: Row) => boolean): void => {
    for (const row of rows) if (isComplete(row) && isWanted(row)) found.set(row.uid, row);
  };
  if ("low" in wanted) {
    const { low, high } = wanted;
    const rows = await fetchRows(session, "FETCH", `${low}:${high}`, summaryItems, { withKey: true });
    keep(rows, (row) => row.sequence >= low && row.sequence <= high);
  } else {
    const asked = new Set(wanted.uids);
    keep(await fetchByUid(session, wanted, summaryItems), (row) => asked.has(row.uid ?? 0));
  }
  const expected = "low" in wanted ? wanted.high - wanted.low + 1 : new Set(wanted.uids).size;
  if (found.size < expected) await fetchMissing(session, wanted, found);

  const path = session.selected?.path ?? "";
  const uidValidity = session.selected?.uidValidity ?? 0;
  return [...found.values()]
    .flatMap((row) => {
      const summary = toSummary(row, path, uidValidity);
      return summary ? [{ summary, sequence: row.sequence }] : [];
    })
    .sort((a, b) => b.summary.place.uid - a.summary.place.uid);
}

async function fetchMissing(
  session: Session,
  wanted: { low: number; high: number } | { uids: number[] },
  found: Map<number, Row>,
): Promise<void> {
  const stillThere = async (): Promise<number[]> => {
    if ("uids" in wanted) return [...(await searchExisting(session, wanted.uids))].filter((uid) => !found.has(uid));
    const high = Math.min(wanted.high, session.selected?.exists ?? 0);
    const uids = high < wanted.low ? [] : await searchUids(session, [sequence(`${wanted.low}:${high}`)]);
    return uids.filter((uid) => !found.has(uid));
  };
  for (const items of [summaryItems, bareItems]) {
    const missing = await stillThere();
    if (missing.length === 0) return;
    const asked = new Set(missing);
    const isEnough = items === summaryItems ? isComplete : (row: Row) => row.uid !== undefined;
    for (const row of await fetchByUid(session, { uids: missing }, items)) {
      if (row.uid !== undefined && asked.has(row.uid) && isEnough(row)) found.set(row.uid, row);
    }
  }
  if ((await stillThere()).length === 0) return;
  const where = { host: session.host, phase: "FETCH" };
  throw brokeProtocol("The mail server has messages that it does not let be listed.", where);
}

async function fetchByUid(session: Session, { uids }: { uids: number[] }, items: typeof summaryItems): Promise<Row[]> {
  const rows: Row[] = [];
  for (const set of uidSets(uids)) rows.push(...(await fetchRows(session, "UID FETCH", set, items, { withKey: true })));
  return rows;
}
