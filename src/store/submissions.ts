import { and, desc, eq, getTableColumns, inArray, lt, lte, sql } from "drizzle-orm";
import { acceptRepository } from "./accept-submissions.ts";
import { chunkSize } from "./blobs.ts";
import { claimSubmissionsRepository } from "./claim-submissions.ts";
import { dropBytes } from "./drop-bytes.ts";
import { followUpsRepository } from "./follow-ups.ts";
import type { Handle } from "./handle.ts";
import { done } from "./handle.ts";
import { prepared, preparedAmong } from "./prepared.ts";
import { settleSubmissionsRepository } from "./settle-submissions.ts";
import type { SubmissionStore } from "./submission-store.ts";
import { withoutClaim } from "./without-claim.ts";

const sweptAtOnce = 90;

export function submissionsRepository(store: Handle): SubmissionStore {
  const { blobs, blobChunks, submissions } = store.tables;
  const columns = withoutClaim(getTableColumns(submissions));

  const one = prepared(store, ["accountId", "id"], (db, { accountId, id }) =>
    db
      .select(columns)
      .from(submissions)
      .where(and(eq(submissions.accountId, accountId), eq(submissions.id, id))),
  );

  const newestOf = prepared(store, ["accountId", "messageId"], (db, { accountId, messageId }) =>
    db
      .select(columns)
      .from(submissions)
      .where(and(eq(submissions.accountId, accountId), eq(submissions.messageId, messageId)))
      .orderBy(desc(submissions.id))
      .limit(1),
  );

  const onePiece = preparedAmong(store, [], (db, _given, ids) =>
    db
      .select({ id: blobs.id, bytes: blobChunks.bytes })
      .from(blobs)
      .innerJoin(blobChunks, and(eq(blobChunks.blobId, blobs.id), sql`${blobChunks.n} = 0`))
      .where(and(inArray(blobs.id, ids), lte(blobs.size, chunkSize))),
  );

  return {
    ...acceptRepository(store),
    ...claimSubmissionsRepository(store),
    ...settleSubmissionsRepository(store),
    ...followUpsRepository(store),

    async get(accountId, id) {
      const [row] = await one({ accountId, id });
      return row ?? null;
    },

    async byMessageId(accountId, messageId) {
      const [row] = await newestOf({ accountId, messageId });
      return row ?? null;
    },

    list(accountId, { before, limit }) {
      return store.read((db) =>
        db
          .select(columns)
          .from(submissions)
          .where(and(eq(submissions.accountId, accountId), before === null ? undefined : lt(submissions.id, before)))
          .orderBy(desc(submissions.id))
          .limit(limit),
      );
    },

    async sweep(before) {
      const isOld = lt(submissions.finishedAt, before);
      for (let swept = 0; ;) {
        const old = await store.read((db) =>
          db.select({ id: submissions.id }).from(submissions).where(isOld).limit(sweptAtOnce),
        );
        if (old.length === 0) return swept;
        const these = and(
          inArray(
            submissions.id,
            old.map(({ id }) => id),
          ),
          isOld,
        );
        const theirBlobs = sql`(select ${submissions.blobId} from ${submissions} where ${these})`;
        const [, , removed] = await done(
          store.atomic((db) => [
            ...dropBytes(store, db, theirBlobs),
            db.delete(submissions).where(these).returning({ id: submissions.id }),
          ]),
        );
        swept += removed.length;
      }
    },

    async contents(blobIds) {
      const found = await onePiece({}, new Set(blobIds));
      return new Map(found.map(({ id, bytes }) => [id, bytes]));
    },
  };
}
