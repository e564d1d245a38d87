import { and, asc, eq, gt, inArray, lte, sql } from "drizzle-orm";
import { Failure } from "../errors.ts";
import { dropBytes } from "./drop-bytes.ts";
import type { Handle } from "./handle.ts";
import { done, isRefusal } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { UploadStore } from "./submission-store.ts";

/** Few: each may have a hundred chunks. */
const sweptAtOnce = 10;

export function uploadsRepository(store: Handle): UploadStore {
  const { accounts, blobs, uploads } = store.tables;

  const one = prepared(store, ["accountId", "id", "now"], (db, { accountId, id, now }) =>
    db
      .select()
      .from(uploads)
      .where(and(eq(uploads.id, id), eq(uploads.accountId, accountId), gt(uploads.expiresAt, now))),
  );

  return {
    async insert(row) {
      const itsBlob = and(eq(blobs.id, row.blobId), eq(blobs.accountId, row.accountId));
      const results = await store.atomic((db, require) => [
        require(accounts, eq(accounts.id, row.accountId), "exists"),
        require(blobs, itsBlob, "unchanged"),
        db.update(blobs).set({ expiresAt: null }).where(itsBlob),
        db.insert(uploads).values(row),
      ]);
      if (results === "refused")
        throw new Failure("not-found", "The account, or the upload as it was stored, is gone.");
      if (isRefusal(results)) throw new Failure("internal", "The upload's id was used before.");
    },

    async get(accountId, id, now) {
      const [row] = await one({ accountId, id, now });
      return row ?? null;
    },

    async sweep(now) {
      for (let swept = 0; ;) {
        const expired = await store.read((db) =>
          db
            .select({ id: uploads.id })
            .from(uploads)
            .where(lte(uploads.expiresAt, now))
            .orderBy(asc(uploads.expiresAt))
            .limit(sweptAtOnce),
        );
        if (expired.length === 0) return swept;
        const these = inArray(
          uploads.id,
          expired.map(({ id }) => id),
        );
        const theirBlobs = sql`(select ${uploads.blobId} from ${uploads} where ${these})`;
        const [, , removed] = await done(
          store.atomic((db) => [
            ...dropBytes(store, db, theirBlobs),
            db.delete(uploads).where(these).returning({ id: uploads.id }),
          ]),
        );
        swept += removed.length;
      }
    },
  };
}
