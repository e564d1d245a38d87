import type { ImapPlace } from "../../mail/message.ts";
import { searchExisting } from "./existing.ts";
import { brokeProtocol, refusal } from "./failures.ts";
import { isPartial } from "./fetch.ts";
import { messageGone, selectPlace } from "./open-place.ts";
import { type Row, rowsOf } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { atom, peek, sequence, type Token } from "./wire.ts";

/**
 * Octets asked for at a time: fewer on a slow line, so that it keeps the deadline. More than this pays little, and leaves
 * the collector more behind than the 64 MB that a download may grow the process by.
 */
const chunkSizes = { least: 64 * 1024, most: 256 * 1024 };

/** Milliseconds: a chunk that came sooner is followed by a larger one, one that came later by a smaller one. */
const pace = { fast: 1_000, slow: 8_000 };

/** What a stream reads: octets `start` to `end` of a section, Infinity for all. */
export type Source = {
  place: ImapPlace;
  /** IMAP section path; "" for the whole message. */
  section: string;
  start: number;
  end: number;
  /** What the server says the section's size is; null where it did not. */
  announced: number | null;
};

/** Octets from an offset on. */
export type Piece = {
  /** Null for NIL. */
  octets: Buffer | null;
  /** How many were asked for. */
  asked: number;
  /** The server knows no partial fetch and gave all octets to the end. */
  isRest: boolean;
};

/**
 * One `BODY.PEEK[section]<offset.length>` of a message of the selected folder, checked to be what was asked for; undefined
 * when the server told nothing of this message.
 */
export async function fetchPartial(
  session: Session,
  { uid, section }: { uid: number; section: string },
  range: { offset: number; length: number },
  items: Token[] = [],
): Promise<(Piece & { row: Row }) | undefined> {
  const args = [sequence(uid), [atom("UID"), ...items, peek(section, range)]];
  const reply = await session.exec("UID FETCH", args, { keep: ["FETCH"], tolerate: true });
  if (reply.status !== "OK" && !isPartial(reply.status, reply.code)) {
    throw refusal(reply.status, reply.code, reply.text, where(session));
  }
  const row = rowsOf(reply.untagged).find(
    (candidate) => candidate.uid === uid && candidate.sections.has(section.toUpperCase()),
  );
  const told = row?.sections.get(section.toUpperCase());
  if (!row || !told) return undefined;
  const { octets, origin } = told;
  if (octets === null) return { row, octets, asked: range.length, isRest: false };
  const isRest = origin === null && octets.length > range.length;
  if (isRest) return { row, octets: octets.subarray(range.offset), asked: range.length, isRest };
  if (octets.length > range.length || (origin ?? 0) !== range.offset) {
    throw brokeProtocol("The mail server gave another range than was asked for.", where(session));
  }
  return { row, octets, asked: range.length, isRest };
}

/**
 * The octets of a section from `start` on, byte-exact or a Failure: the end is only where the server gives no more.
 * `first` is the piece that was fetched to find out about the message. One piece is fetched ahead, in a turn of its own, so
 * that a reader who is slow holds up nobody. Leaving waits for nothing: a piece on its way comes to nobody.
 */
export function streamSection(session: Session, source: Source, first: Piece): AsyncIterableIterator<Uint8Array> {
  let offset = source.start;
  let size = first.asked;
  let isOver = false;
  let pending: Promise<Piece | null> | null = Promise.resolve(first);

  const finish = (): IteratorReturnResult<undefined> => {
    isOver = true;
    pending = null;
    return { done: true, value: undefined };
  };

  async function fetchNext(): Promise<Piece | null> {
    const giveBack = await session.takeTurn();
    try {
      return isOver ? null : await fetchInTurn(Math.min(size, source.end - offset + 1));
    } finally {
      giveBack();
    }
  }

  async function fetchInTurn(length: number): Promise<Piece | null> {
    await selectPlace(session, source.place);
    const startedAt = session.clock.now();
    const piece = await fetchPartial(session, { uid: source.place.uid, section: source.section }, { offset, length });
    const took = session.clock.now() - startedAt;
    if (took < pace.fast) size = Math.min(chunkSizes.most, size * 2);
    if (took > pace.slow) size = Math.max(chunkSizes.least, size / 2);
    if (piece?.octets && piece.octets.length > 0) return piece;
    if (piece === undefined || isBeforeEnd(source, offset)) await assertThere(session, source.place);
    // NIL is no text, not the end of one.
    if (piece === undefined || (piece.octets === null && isBeforeEnd(source, offset))) {
      throw brokeProtocol("The mail server stopped in the middle of a message.", where(session));
    }
    return null;
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (isOver) return finish();
      try {
        const piece = await pending;
        if (isOver || !piece?.octets) return finish();
        const octets = piece.octets.subarray(0, source.end - offset + 1);
        offset += piece.octets.length;
        const isShort = piece.octets.length !== piece.asked && !isBeforeEnd(source, offset);
        pending = piece.isRest || isShort || offset > source.end ? Promise.resolve(null) : fetchNext();
        pending.catch(() => {});
        return { done: false, value: octets };
      } catch (error) {
        finish();
        throw error;
      }
    },
    async return() {
      return finish();
    },
  };
}

export const firstChunk = chunkSizes.most;

/** RFC 9051 §9: a partial's numbers are of 32 bits. */
export const countable = 2 ** 32;

/** Announced sizes lie, so this only says whether to look once more. */
function isBeforeEnd({ announced }: Source, offset: number): boolean {
  return announced === null || offset < announced;
}

/** Asks for news first: a session may not have been told yet that another one has removed the message. */
async function assertThere(session: Session, place: ImapPlace): Promise<void> {
  await selectFolder(session, place.path, { fresh: true });
  if (!(await searchExisting(session, [place.uid])).has(place.uid)) throw messageGone();
}

function where(session: Session): { host: string; phase: string } {
  return { host: session.host, phase: "UID FETCH" };
}
