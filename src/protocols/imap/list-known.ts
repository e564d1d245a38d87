import type { Page } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { fetchSummaries, type Listed } from "./fetch-summaries.ts";
import { fetchRows, flagItems } from "./fetch.ts";
import type { KnownFolder } from "./known-messages.ts";
import type { Row } from "./row.ts";
import type { Session } from "./session.ts";
import { toSummary } from "./summary.ts";

type Flagged = Row & { uid: number };

/**
 * A page of the selected folder as far as earlier listings saw it, in one round trip: the flags of what is known, along with
 * whatever came since, which is then asked for. `news` where the session had the folder open. The page may be short: what
 * lies below its last message is unknown. Null where nothing is known, or the answer does not add up.
 */
export async function listKnown(session: Session, page: Page<ImapPlace>, news: boolean): Promise<Listed[] | null> {
  const folder = session.selected;
  if (folder === null) return null;
  const known = session.known(folder.path, folder.uidValidity);
  const window = windowOf(known, page);
  const lowest = window.at(-1);
  if (lowest === undefined) return null;
  const highest = page.after === null ? "*" : page.after.uid - 1;
  const set = `${lowest}:${highest}`;
  const answer = await fetchRows(session, "UID FETCH", set, flagItems, { withKey: false, news });
  const rows = answer.filter((row): row is Flagged => isBetween(row, lowest, page)).sort((a, b) => b.uid - a.uid);
  const first = page.after === null ? folder.exists : page.after.sequence - 1;
  if (session.selected !== folder || !isWithoutGap(rows, first)) return null;

  const later = known.run.filter((uid) => uid > (window[0] ?? 0) && uid > (rows[0]?.uid ?? 0));
  known.run = [...later, ...rows.map(({ uid }) => uid), ...known.run.filter((uid) => uid < lowest)];

  const listed = rows.slice(0, page.limit).map((row) => ({ row, facts: known.facts(row.uid) }));
  const unknown = listed.filter(({ facts }) => facts === null).map(({ row }) => row.uid);
  const fetched = unknown.length === 0 ? [] : await fetchSummaries(session, { uids: unknown });
  const summaries = listed.flatMap(({ row, facts }) => {
    const summary = facts && toSummary(row, facts, folder);
    return summary ? [{ summary, sequence: row.sequence }] : [];
  });
  return [...summaries, ...fetched].sort((a, b) => b.summary.place.uid - a.summary.place.uid);
}

/** Keeps the order of the UIDs of a page that was listed, where it adjoins what is known. */
export function rememberPage(session: Session, page: Page<ImapPlace>, listed: Listed[]): void {
  const folder = session.selected;
  const uids = listed.map(({ summary }) => summary.place.uid);
  const last = uids.at(-1);
  if (folder === null || last === undefined) return;
  const known = session.known(folder.path, folder.uidValidity);
  const { run } = known;
  if (page.after === null) known.run = [...uids, ...((run[0] ?? 0) >= last ? run.filter((uid) => uid < last) : [])];
  else if (run.at(-1) === page.after.uid) known.run = [...run, ...uids];
}

/** The known UIDs of the page, newest first. */
function windowOf({ run }: KnownFolder, { after, limit }: Page<ImapPlace>): number[] {
  if (after === null) return run.slice(0, limit);
  if ((run[0] ?? 0) < after.uid) return [];
  const start = run.findIndex((uid) => uid < after.uid);
  return start < 0 ? [] : run.slice(start, start + limit);
}

function isBetween(row: Row, lowest: number, { after }: Page<ImapPlace>): row is Flagged {
  return row.uid !== undefined && row.flags !== undefined && row.uid >= lowest && row.uid < (after?.uid ?? Infinity);
}

/** Whether each message between the first and the last has its row, and the first is the one that the page begins with. */
function isWithoutGap(rows: Flagged[], start: number): boolean {
  const [first, last] = [rows[0], rows.at(-1)];
  if (!first || !last || first.sequence !== start) return false;
  const isOrdered = rows.every((row, index) => row.sequence === first.sequence - index);
  return isOrdered && new Set(rows.map(({ uid }) => uid)).size === rows.length;
}
