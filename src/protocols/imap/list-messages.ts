import { invalid } from "../../errors.ts";
import type { Listing, Page } from "../../mail/mailbox.ts";
import { brokeProtocol } from "./failures.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { fetchSummaries, type Listed } from "./fetch-summaries.ts";
import { lastBelow } from "./last-below.ts";
import { listKnown, rememberPage } from "./list-known.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";

/**
 * A page of a folder, newest arrival first, at the same cost whatever the folder's size: the window of sequence numbers
 * that ends above the cursor's message. Sequence numbers of older messages only ever shrink. What earlier listings saw is
 * asked for its flags only.
 */
export async function listMessages(session: Session, path: string, page: Page<ImapPlace>): Promise<Listing<ImapPlace>> {
  if (!Number.isSafeInteger(page.limit) || page.limit < 1) {
    throw invalid("?limit", "out-of-range", "limit is a whole number from 1 on.");
  }
  const messages = await listAll(session, path, page);
  const last = messages.at(-1);
  const isEnd = messages.length < page.limit || last === undefined || last.sequence <= 1;
  return {
    uidValidity: session.selected?.uidValidity ?? 0,
    messages: messages.map(({ summary }) => summary),
    next: isEnd ? null : { uid: last.summary.place.uid, sequence: last.sequence },
  };
}

async function listAll(session: Session, path: string, page: Page<ImapPlace>): Promise<Listed[]> {
  const wasOpen = session.selected?.path === path;
  if (!wasOpen) await selectFolder(session, path, { fresh: false });
  const known = await listKnown(session, page, wasOpen);
  const lowest = known?.at(-1);
  const { exists } = lowest
    ? { exists: Infinity }
    : await selectFolder(session, path, { fresh: wasOpen && page.after === null });
  const below = lowest?.summary.place.uid ?? page.after?.uid ?? Infinity;
  const top = Math.min(exists, (lowest?.sequence ?? page.after?.sequence ?? Infinity) - 1);
  const listed = [
    ...(known ?? []),
    ...(await listWindows(session, { below, top, limit: page.limit - (known?.length ?? 0) })),
  ];
  rememberPage(session, page, listed);
  return listed;
}

/** Windows in a row without a message that a listing goes on after: so many can't have been expunged unnoticed. */
const maxEmptyWindows = 10;

/** Messages with a UID below one and a sequence number up to one, at most so many. */
type Window = { below: number; top: number; limit: number };

async function listWindows(session: Session, { below, top, limit }: Window): Promise<Listed[]> {
  const listed: Listed[] = [];
  let high = top;
  let empty = 0;
  while (listed.length < limit && high > 0) {
    const low = Math.max(1, high - (limit - listed.length) + 1);
    const rows = await fetchSummaries(session, { low, high });
    if (rows.length === 0 && ++empty === maxEmptyWindows) {
      const where = { host: session.host, phase: "FETCH" };
      throw brokeProtocol("The mail server counts messages that it does not have.", where);
    }
    // An expunge in between lets newer messages slip down into the window.
    const oldest = listed.at(-1)?.summary.place.uid ?? below;
    const older = rows.filter(({ summary }) => summary.place.uid < oldest);
    listed.push(...older);
    // Nothing older at all: many were expunged since the cursor was made, so look where its message stands now.
    const next = older.length === 0 && rows.length > 0 ? await lastBelow(session, below, low - 1) : low - 1;
    // What was expunged meanwhile may have been told by now.
    high = Math.min(next, session.selected?.exists ?? 0);
  }
  return listed.slice(0, limit);
}
