import type { SQL } from "drizzle-orm";
import { inArray, sql } from "drizzle-orm";
import type { Db, Handle } from "./handle.ts";

/** Whether the bytes of a row in this state, with these follow-ups left, are of no more use; both as the database holds them. */
export function areDone(state: SQL, followUps: SQL): SQL {
  return sql`(${state} in ('failed', 'canceled') or (${state} = 'sent' and ${followUps} = '[]'))`;
}

/** Removes the blobs of which the subquery gives the ids. */
export function dropBytes({ tables }: Pick<Handle, "tables">, db: Db, blobIds: SQL) {
  const { blobs, blobChunks } = tables;
  return [
    db.delete(blobChunks).where(inArray(blobChunks.blobId, blobIds)),
    db.delete(blobs).where(inArray(blobs.id, blobIds)),
  ] as const;
}
