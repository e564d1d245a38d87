import type { ImapPosition, Page } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { takesAbsentUids } from "./capabilities.ts";
import { fetchRows } from "./fetch.ts";
import { lastBelow } from "./last-below.ts";
import { type Bounds, countWindow, type Window, wayOf } from "./run-search.ts";
import type { Session } from "./session.ts";
import { atom, sequence } from "./wire.ts";

/**
 * Messages searched at a time: the first answer comes soon, and no answer is beyond what may be read. Whatever a server finds
 * quickly is searched in larger windows from time to time, and what takes it long in windows that take some seconds.
 */
const sizes = { least: 1_000, first: 5_000, most: 100_000, growth: 10 };

/** How long a window should take, milliseconds. */
const windowMs = 2_000;

/** The folder cut into windows, in the order of a page. */
type Windows = {
  /** The next one; null at the end. */
  next: () => Window | null;
  isDone: () => boolean;
  /** Where the messages of the last one stand by now, as others are expunged; others may stand there, too. */
  current: () => Window;
  /** Where its last message in the order of the page stands at most, or at least where that is "oldest"; also beyond the folder's end. */
  edge: () => number;
};

/** UIDs behind a page's cursor. */
export function boundsBehind({ after, order }: Page<ImapPlace>): Bounds {
  if (after === null) return { from: 1, to: Infinity };
  return order === "oldest" ? { from: after.uid + 1, to: Infinity } : { from: 1, to: after.uid - 1 };
}

/** A page for which, at first, few messages are searched where few are wanted: of one folder among others. */
export type WantedPage = Page<ImapPlace> & { beginsSmall?: true };

/** The windows of the selected folder behind a page's cursor. */
export async function windowsBehind(session: Session, page: WantedPage): Promise<Windows> {
  const few = page.beginsSmall === true ? Math.max(sizes.least, 100 * page.limit) : Infinity;
  const first = Math.min(sizes.first, few);
  if (page.order === "oldest") return upwards(session, page.after ? await firstAbove(session, page.after) : 1, first);
  return downwards(session, page.after ? await topBelow(session, page.after) : Infinity, first);
}

/** All windows of the selected folder, of which all may be told that is in one. */
export function allWindows(session: Session): Windows {
  return downwards(session, Infinity, sizes.first, () => sizes.most);
}

function downwards(session: Session, top: number, size: number, most = (): number => mostOf(session)): Windows {
  const nextSize = sizer(session, size, most);
  let high = top;
  let last = { low: 1, high: 0, expunged: 0 };
  const exists = (): number => session.selected?.exists ?? 0;
  const isDone = (): boolean => Math.min(high, exists()) < 1;
  return {
    isDone,
    next() {
      if (isDone()) return null;
      // What slips down from above was searched already.
      last = { low: 1, high: Math.min(high, exists()), expunged: expunged(session) };
      last.low = Math.max(1, last.high - nextSize() + 1);
      high = last.low - 1;
      return last;
    },
    current: () => shifted(session, last),
    edge: () => last.low,
  };
}

function upwards(session: Session, first: number, size: number): Windows {
  const nextSize = sizer(session, size, () => mostOf(session));
  let last = { low: 1, high: first - 1, expunged: expunged(session) };
  const low = (): number => Math.max(1, last.high + 1 - (expunged(session) - last.expunged));
  const exists = (): number => session.selected?.exists ?? 0;
  return {
    isDone: () => low() > exists(),
    next() {
      const from = low();
      if (from > exists()) return null;
      const high = Math.min(exists(), from + nextSize() - 1);
      return (last = { low: from, high, expunged: expunged(session) });
    },
    current: () => shifted(session, last),
    edge: () => Math.min(last.high - (expunged(session) - last.expunged), exists()),
  };
}

/** Where a part is told of what is found, its number does not matter. */
function mostOf(session: Session): number {
  return wayOf(session) === "partial" ? Infinity : sizes.most;
}

/** How large each window is to be, from the first on by how long the one before took. */
function sizer(session: Session, first: number, most: () => number): () => number {
  let size: number | null = null;
  let begun = 0;
  return () => {
    const now = session.clock.now();
    const growth = Math.min(sizes.growth, windowMs / Math.max(1, now - begun));
    size = size === null ? first : Math.min(most(), Math.max(sizes.least, Math.floor(size * growth)));
    begun = now;
    return size;
  };
}

/** Sequence numbers shrink with what is expunged below them. */
function shifted(session: Session, { low, high, expunged: before }: Window & { expunged: number }): Window {
  const gone = expunged(session) - before;
  return { low: Math.max(1, low - gone), high: Math.max(1, Math.min(high, session.selected?.exists ?? 0)) };
}

function expunged(session: Session): number {
  return session.selected?.told.expunged ?? 0;
}

/** A sequence number that no older message than the cursor's stands above. Its own is one, as it only shrinks. */
async function topBelow(session: Session, after: ImapPosition): Promise<number> {
  const exists = session.selected?.exists ?? 0;
  return after.sequence <= exists + 1 ? after.sequence - 1 : upTo(session, after.uid - 1, exists);
}

/** The sequence number of the first message above the cursor's. */
async function firstAbove(session: Session, after: ImapPosition): Promise<number> {
  const exists = session.selected?.exists ?? 0;
  if (after.sequence <= exists) {
    const rows = await fetchRows(session, "FETCH", String(after.sequence), [atom("UID")], { withKey: false });
    const uid = rows.find((row) => row.sequence === after.sequence)?.uid;
    if (uid !== undefined && uid <= after.uid) return after.sequence + 1;
  }
  return (await upTo(session, after.uid, exists)) + 1;
}

/** How many messages have a UID up to one. */
async function upTo(session: Session, uid: number, exists: number): Promise<number> {
  if (exists === 0 || uid < 1) return 0;
  if (!takesAbsentUids(session) || wayOf(session) === "plain") return lastBelow(session, uid + 1, exists);
  const program = { charset: [], criteria: [atom("UID"), sequence(`1:${uid}`)] };
  return countWindow(session, program, { low: 1, high: exists });
}
