import { and, desc, eq, getTableColumns, inArray, lt, sql } from "drizzle-orm";
import { Failure } from "../errors.ts";
import { claimRepository } from "./claim-submissions.ts";
import type { Handle } from "./handle.ts";
import { done, groups, isRefusal } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { Store } from "./store.ts";

const sweptAtOnce = 90;

export function submissionsRepository(store: Handle): Store["submissions"] {
  const { accounts, blobs, submissions } = store.tables;
  const {
    owner: _owner,
    epoch: _epoch,
    leaseUntil: _lease,
    deaths: _deaths,
    ...columns
  } = getTableColumns(submissions);

  const one = prepared(store, ["accountId", "id"], (db, { accountId, id }) =>
    db
      .select(columns)
      .from(submissions)
      .where(and(eq(submissions.accountId, accountId), eq(submissions.id, id))),
  );

  const ofKey = prepared(
    store,
    ["appId", "accountId", "route", "idempotencyKey"],
    (db, { appId, accountId, route, idempotencyKey }) =>
      db
        .select(columns)
        .from(submissions)
        .where(
          and(
            eq(submissions.appId, appId),
            eq(submissions.accountId, accountId),
            eq(submissions.route, route),
            eq(submissions.idempotencyKey, idempotencyKey),
          ),
        ),
  );

  return {
    async accept(row) {
      const { appId, accountId, route, idempotencyKey, blobId } = row;
      const results = await store.atomic((db, require) => [
        require(accounts, eq(accounts.id, accountId), "exists"),
        db
          .insert(submissions)
          .values({ ...row, owner: null, epoch: 0, leaseUntil: 0, deaths: 0 })
          .onConflictDoNothing({
            target: [submissions.appId, submissions.accountId, submissions.route, submissions.idempotencyKey],
          })
          .returning({ id: submissions.id }),
        ...(blobId === null
          ? []
          : [
              require(blobs, eq(blobs.id, blobId), "unchanged"),
              db
                .update(blobs)
                .set({ expiresAt: null })
                .where(
                  and(
                    eq(blobs.id, blobId),
                    sql`exists (select 1 from ${submissions} where ${submissions.id} = ${row.id})`,
                  ),
                ),
            ]),
      ]);
      if (results === "refused") {
        throw new Failure("not-found", "The account, or the message as it was stored, is gone.");
      }
      if (isRefusal(results)) throw new Failure("internal", "The submission's id was used before.");
      if (results[1].length > 0) return { accepted: true };
      const [standing] = await ofKey({ appId, accountId, route, idempotencyKey });
      if (standing === undefined) throw new Failure("not-found", "The account is gone.");
      return { accepted: false, standing };
    },

    async byIdempotencyKey(appId, accountId, route, idempotencyKey) {
      const [row] = await ofKey({ appId, accountId, route, idempotencyKey });
      return row ?? null;
    },

    async get(accountId, id) {
      const [row] = await one({ accountId, id });
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
      let swept = 0;
      for (;;) {
        const old = await store.read((db) =>
          db
            .select({ id: submissions.id })
            .from(submissions)
            .where(lt(submissions.finishedAt, before))
            .limit(sweptAtOnce),
        );
        const [ids] = groups(old.map(({ id }) => id));
        if (ids === undefined) return swept;
        const [removed] = await done(
          store.atomic((db) => [
            db
              .delete(submissions)
              .where(and(inArray(submissions.id, ids), lt(submissions.finishedAt, before)))
              .returning({ id: submissions.id }),
          ]),
        );
        swept += removed.length;
      }
    },

    ...claimRepository(store),
  };
}
