import type { FolderRow, SnapshotChunk, WatchFolderRow } from "../store/rows.ts";
import { heldFromOf, type Piece, writtenOf } from "./piece.ts";
import { sliceSize } from "./slices.ts";
import { editChunks, lowestUid } from "./snapshot.ts";
import { tieThreads } from "./thread-messages.ts";
import { type FolderTurn, type LookNeeds, write } from "./turn.ts";

/** Where the server can't tell which flags have changed: of how many messages they are read again, and how often (DESIGN §6). */
export const reread = { messages: 1_000, everyMs: 5 * 60_000 };

/** Where there are mod-sequences it hardly matters when flags were read, and a write for each quiet look is dear, milliseconds. */
function longestUnwritten({ modSeq }: WatchFolderRow): number {
  return modSeq === null ? 1 : reread.everyMs;
}

/** Gathers pieces and writes them, at most `sliceSize` events at once, all but the last without moving the cursor. */
export function openBooks(
  needs: LookNeeds,
  turn: FolderTurn,
  { folder, row, chunks: before }: { folder: FolderRow; row: WatchFolderRow; chunks: SnapshotChunk[] },
) {
  let standing = before;
  let stands = row;
  let pieces: Piece[] = [];
  const weigh = (some: Piece[]): number =>
    writtenOf(some).events.length + some.filter(({ event, hold }) => event === null && hold !== undefined).length;

  async function flush(next: WatchFolderRow): Promise<void> {
    const gone = pieces.flatMap(({ remove }) => remove ?? []);
    const edit = { put: pieces.flatMap(({ put }) => put ?? []), remove: new Set(gone) };
    const { put, remove, after } = editChunks(standing, edit, needs.window);
    // What a snapshot gives up is known no more: nobody would see it go.
    const below = remove.length > 0 ? (lowestUid(after) ?? 0) : 0;
    const uids = pieces.flatMap((piece) => (piece.staysIndexed ? [] : (piece.remove ?? [])));
    const forgotten = uids.length + below > 0 ? [{ folder: folder.number, uids, below }] : [];
    const heldFrom = await heldFromOf(needs, turn.account.id, pieces);
    const tied = await tieThreads(needs, turn.account.id, pieces, [...forgotten, ...heldFrom]);
    const change = writtenOf(tied.pieces);
    const lastChangedAt = change.events.length > 0 ? needs.clock.now() : stands.lastChangedAt;
    const written = { ...next, version: stands.version + 1, lastChangedAt };
    const chunks = { folder: folder.number, clear: false, put, remove };
    await write(needs, turn, { ...change, threads: tied.threads, folders: [written], chunks });
    standing = after;
    stands = written;
    pieces = [];
  }

  return {
    async add(more: Piece[]): Promise<void> {
      if (pieces.length > 0 && weigh(pieces) + weigh(more) > sliceSize) await flush({ ...stands });
      pieces.push(...more);
    },
    /** Writes the rest with the cursor, unless that is all as it was. */
    async close(next: WatchFolderRow): Promise<void> {
      const isSame =
        pieces.length === 0 &&
        next.uidNext === stands.uidNext &&
        next.modSeq === stands.modSeq &&
        next.exists === stands.exists &&
        next.flagsReadAt - stands.flagsReadAt < longestUnwritten(next);
      if (!isSame) await flush(next);
    },
  };
}
