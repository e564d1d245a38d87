import { searchExisting } from "./existing.ts";
import { brokeProtocol, timedOut } from "./failures.ts";
import { messageGone } from "./open-place.ts";
import { type Row, rowsOf } from "./row.ts";
import type { Session } from "./session.ts";
import { atom, peek, sequence, type Token } from "./wire.ts";

/**
 * Octets asked for at a time: fewer on a slow line, so that it keeps the deadline. More than this pays little, and leaves
 * the collector more behind than the 64 MB that a download may grow the process by.
 */
const chunkSizes = { least: 64 * 1024, most: 256 * 1024 };

/** Milliseconds: a chunk that came sooner is followed by a larger one, one that came later by a smaller one. */
const pace = { fast: 1_000, slow: 8_000 };

/** How long a reader who leaves waits for the chunk on its way, before the connection is given up instead. */
const leaveAfter = 500;

export type Source = {
  uid: number;
  /** IMAP section path; "" for the whole message. */
  section: string;
  /** First octet. */
  start: number;
  /** Last octet wanted; Infinity for all. */
  end: number;
  /** What the server says the section's size is; null where it did not. */
  announced: number | null;
};

type Chunk = { octets: Buffer; asked: number };

/**
 * One `BODY.PEEK[section]<offset.length>` of a message of the selected folder, checked to be what was asked for; undefined
 * when the server told nothing of this message. `octets` is null for NIL.
 */
export async function fetchPartial(
  session: Session,
  { uid, section }: Pick<Source, "uid" | "section">,
  range: { offset: number; length: number },
  items: Token[] = [],
): Promise<{ row: Row; octets: Buffer | null } | undefined> {
  const args = [sequence(uid), [atom("UID"), ...items, peek(section, range)]];
  const { untagged } = await session.exec("UID FETCH", args, { keep: ["FETCH"] });
  const row = rowsOf(untagged).find(
    (candidate) => candidate.uid === uid && candidate.sections.has(section.toUpperCase()),
  );
  const told = row?.sections.get(section.toUpperCase());
  if (!row || !told) return undefined;
  if (told.octets === null) return { row, octets: null };
  // A server that knows no partial fetch answers with all of it, and says no origin.
  const isWhole = told.origin === null && range.offset === 0;
  if ((told.origin !== range.offset && !isWhole) || (told.octets.length > range.length && !isWhole)) {
    throw brokeProtocol("The mail server gave another range than was asked for.", where(session));
  }
  return { row, octets: told.octets };
}

/**
 * The octets of a section from `start` on, byte-exact or a Failure: the end is only where the server gives no more.
 * `first` is the chunk that was fetched to find out about the message. One chunk is fetched ahead. `done` is called once,
 * when the stream has ended, failed or was left.
 */
export function streamSection(
  session: Session,
  source: Source,
  first: Chunk,
  done: () => void,
): AsyncIterableIterator<Uint8Array> {
  let offset = source.start;
  let size = first.asked;
  let pending: Promise<Chunk | null> | null = Promise.resolve(first);
  let isDone = false;

  const finish = (): IteratorReturnResult<undefined> => {
    if (!isDone) {
      isDone = true;
      pending = null;
      done();
    }
    return { done: true, value: undefined };
  };

  async function fetchNext(): Promise<Chunk | null> {
    const asked = Math.min(size, source.end - offset + 1);
    if (asked <= 0) return null;
    const startedAt = session.clock.now();
    const told = await fetchPartial(session, source, { offset, length: asked });
    const took = session.clock.now() - startedAt;
    if (took < pace.fast) size = Math.min(chunkSizes.most, size * 2);
    if (took > pace.slow) size = Math.max(chunkSizes.least, size / 2);
    if (!told || ((told.octets?.length ?? 0) === 0 && isBeforeEnd(source, offset)))
      await assertThere(session, source.uid);
    if (!told) throw brokeProtocol("The mail server stopped in the middle of a message.", where(session));
    return told.octets && told.octets.length > 0 ? { octets: told.octets, asked } : null;
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (isDone) return finish();
      try {
        const chunk = await pending;
        if (isDone || !chunk) return finish();
        const octets = chunk.octets.subarray(0, source.end - offset + 1);
        offset += chunk.octets.length;
        const isLast = chunk.octets.length !== chunk.asked && !isBeforeEnd(source, offset);
        pending = isLast || offset > source.end ? Promise.resolve(null) : fetchNext();
        pending.catch(() => {});
        return { done: false, value: octets };
      } catch (error) {
        finish();
        throw error;
      }
    },
    async return() {
      if (isDone || !pending) return finish();
      const left = new AbortController();
      const late = session.clock.sleep(leaveAfter, left.signal).then(() => "late" as const);
      const outcome = await Promise.race([pending.catch(() => null), late]);
      left.abort();
      if (outcome === "late") session.kill(timedOut(where(session)));
      return finish();
    },
  };
}

export const firstChunk = chunkSizes.most;

/** Announced sizes lie, so this only says whether to look once more. */
function isBeforeEnd({ announced }: Source, offset: number): boolean {
  return announced === null || offset < announced;
}

async function assertThere(session: Session, uid: number): Promise<void> {
  if (!(await searchExisting(session, [uid])).has(uid)) throw messageGone();
}

function where(session: Session): { host: string; phase: string } {
  return { host: session.host, phase: "UID FETCH" };
}
