import { and, asc, eq, inArray, lte, sql } from "drizzle-orm";
import { Failure } from "../errors.ts";
import type { Handle } from "./handle.ts";
import { done, groups, ofAccount } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { Store } from "./store.ts";

/** Octets of every chunk but a blob's last one. */
export const chunkSize = 512 * 1024;
const lifetimeMs = 3_600_000;
const sweptAtOnce = 90;

export function blobsRepository(store: Handle): Store["blobs"] {
  const { accounts, blobs, blobChunks } = store.tables;

  const sizeOf = prepared(store, ["blobId"], (db, { blobId }) =>
    db.select({ size: blobs.size }).from(blobs).where(eq(blobs.id, blobId)),
  );
  const chunkOf = prepared(store, ["blobId", "n"], (db, { blobId, n }) =>
    db
      .select({ bytes: blobChunks.bytes })
      .from(blobChunks)
      .where(and(eq(blobChunks.blobId, blobId), eq(blobChunks.n, n))),
  );

  async function start(blobId: string, accountId: string, bytes: Uint8Array, now: number): Promise<void> {
    const row = { id: blobId, accountId, size: bytes.length, expiresAt: now + lifetimeMs };
    await ofAccount(
      store.atomic((db, require) => [
        require(accounts, eq(accounts.id, accountId), "exists"),
        db.insert(blobs).values(row),
        ...(bytes.length > 0 ? [db.insert(blobChunks).values({ blobId, n: 0, bytes })] : []),
      ]),
    );
  }

  /** Requires the blob, not the account: an account takes its blobs along, and no chunk may stay behind. */
  async function add(blobId: string, n: number, bytes: Uint8Array): Promise<void> {
    await ofAccount(
      store.atomic((db, require) => [
        require(blobs, eq(blobs.id, blobId), "unchanged"),
        db
          .update(blobs)
          .set({ size: sql`${blobs.size} + ${bytes.length}` })
          .where(eq(blobs.id, blobId)),
        db.insert(blobChunks).values({ blobId, n, bytes }),
      ]),
    );
  }

  async function discard(blobId: string): Promise<void> {
    await done(
      store.atomic((db) => [
        db.delete(blobs).where(eq(blobs.id, blobId)),
        db.delete(blobChunks).where(eq(blobChunks.blobId, blobId)),
      ]),
    );
  }

  return {
    async write(blobId, accountId, bytes, now) {
      let size = 0;
      let n = 0;
      try {
        for await (const chunk of inChunks(bytes)) {
          if (n === 0) await start(blobId, accountId, chunk, now);
          else await add(blobId, n, chunk);
          n += 1;
          size += chunk.length;
        }
      } catch (error) {
        // What came so far is of no use; where it can't be removed now, it expires.
        if (n > 0) await discard(blobId).catch(() => undefined);
        throw error;
      }
      return { size };
    },

    async *read(blobId) {
      const gone = () => new Failure("not-found", "The stored bytes are gone.");
      const [blob] = await sizeOf({ blobId });
      if (blob === undefined) throw gone();
      for (let n = 0, left = blob.size; left > 0; n += 1) {
        const [chunk] = await chunkOf({ blobId, n });
        if (chunk === undefined) throw gone();
        yield chunk.bytes;
        left -= chunk.bytes.length;
      }
    },

    async sweep(now) {
      let swept = 0;
      for (;;) {
        const expired = await store.read((db) =>
          db
            .select({ id: blobs.id })
            .from(blobs)
            .where(lte(blobs.expiresAt, now))
            .orderBy(asc(blobs.expiresAt))
            .limit(sweptAtOnce),
        );
        const [ids] = groups(expired.map(({ id }) => id));
        if (ids === undefined) return swept;
        const [removed] = await done(
          store.atomic((db) => [
            db
              .delete(blobs)
              .where(and(inArray(blobs.id, ids), lte(blobs.expiresAt, now)))
              .returning({ id: blobs.id }),
            db
              .delete(blobChunks)
              .where(
                and(
                  inArray(blobChunks.blobId, ids),
                  sql`not exists (select 1 from ${blobs} where ${blobs.id} = ${blobChunks.blobId})`,
                ),
              ),
          ]),
        );
        swept += removed.length;
      }
    },
  };
}

/** The same octets in chunks of the full size, but for the last; one empty chunk when there are none. */
async function* inChunks(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let length = 0;
  let yielded = false;
  for await (const piece of bytes) {
    let rest = piece;
    while (length + rest.length > chunkSize) {
      const room = chunkSize - length;
      yield joined([...pieces, rest.subarray(0, room)], chunkSize);
      yielded = true;
      pieces = [];
      length = 0;
      rest = rest.subarray(room);
    }
    if (rest.length > 0) pieces.push(rest);
    length += rest.length;
  }
  if (length > 0 || !yielded) yield joined(pieces, length);
}

function joined(pieces: Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
