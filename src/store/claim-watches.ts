import type { Placeholder, SQL } from "drizzle-orm";
import { and, asc, count, eq, isNotNull, isNull, lte, min, ne, or, sql } from "drizzle-orm";
import type { Db, Handle, Query } from "./handle.ts";
import { done } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { Store } from "./store.ts";

type Claims = Pick<
  Store["watches"],
  "claim" | "renew" | "claimsOf" | "count" | "release" | "poke" | "nextDueAt" | "noteLooks"
>;

/** The half of the watches' repository that hands each account to one watcher at a time. */
export function claimWatchesRepository(store: Handle): Claims {
  const { watches } = store.tables;
  const held = { accountId: watches.accountId, epoch: watches.epoch };

  const isDue = (now: number | Placeholder) => and(isNull(watches.owner), lte(watches.dueAt, now));
  const hasRunOut = (now: number | Placeholder) => and(isNotNull(watches.owner), lte(watches.leaseUntil, now));

  const due = prepared(store, ["now", "limit"], (db, { now, limit }) =>
    db.select(held).from(watches).where(isDue(now)).orderBy(asc(watches.dueAt)).limit(limit),
  );
  const ranOut = prepared(store, ["now", "limit"], (db, { now, limit }) =>
    db.select(held).from(watches).where(hasRunOut(now)).orderBy(asc(watches.leaseUntil)).limit(limit),
  );

  const ofOwner = prepared(store, ["owner"], (db, { owner }) =>
    db.select(held).from(watches).where(eq(watches.owner, owner)),
  );
  const all = prepared(store, [], (db) =>
    db
      .select({ count: count() })
      .from(watches)
      .where(or(isNotNull(watches.owner), isNotNull(watches.dueAt))),
  );

  const firstDue = prepared(store, [], (db) =>
    db
      .select({ at: min(watches.dueAt) })
      .from(watches)
      .where(and(isNull(watches.owner), isNotNull(watches.dueAt))),
  );
  const firstToRunOut = prepared(store, ["owner"], (db, { owner }) =>
    db
      .select({ at: watches.leaseUntil })
      .from(watches)
      .where(and(isNotNull(watches.owner), ne(watches.owner, owner)))
      .orderBy(asc(watches.leaseUntil))
      .limit(1),
  );

  return {
    async claim(owner, now, leaseMs, limit) {
      const isFree = or(isDue(now), hasRunOut(now));
      const lease = { owner, leaseUntil: now + leaseMs };
      const claims: { accountId: string; epoch: number }[] = [];
      for (;;) {
        const room = limit - claims.length;
        const abandoned = await ranOut({ now, limit: room });
        const waiting = await due({ now, limit: room });
        const begun = await Promise.all(
          [...abandoned, ...waiting].slice(0, room).map(({ accountId, epoch }) =>
            done(
              store.atomic((db) => [
                db
                  .update(watches)
                  .set({ ...lease, epoch: epoch + 1 })
                  .where(and(eq(watches.accountId, accountId), eq(watches.epoch, epoch), isFree))
                  .returning(held),
              ]),
            ),
          ),
        );
        const got = begun.flatMap(([rows]) => rows);
        claims.push(...got);
        // Where others came first, there may be more.
        if (got.length === 0 || claims.length >= limit) return claims;
      }
    },

    async renew(owner, now, leaseMs) {
      const [rows] = await done(
        store.atomic((db) => [
          db
            .update(watches)
            .set({ leaseUntil: now + leaseMs })
            .where(eq(watches.owner, owner))
            .returning(held),
        ]),
      );
      return rows;
    },

    claimsOf: (owner) => ofOwner({ owner }),

    async count() {
      const [found] = await all({});
      return found?.count ?? 0;
    },

    async release(accountId, epoch, dueAt) {
      await done(
        store.atomic((db) => [
          endClaim(store.tables, db, and(eq(watches.accountId, accountId), eq(watches.epoch, epoch)), dueAt),
        ]),
      );
    },

    async poke(accountId) {
      await done(
        store.atomic((db) => [
          db
            .update(watches)
            .set({ dueAt: 0 })
            .where(and(eq(watches.accountId, accountId), isNull(watches.owner))),
        ]),
      );
    },

    async nextDueAt(owner) {
      const [[next], [lease]] = await Promise.all([firstDue({}), firstToRunOut({ owner })]);
      const times = [next?.at, lease?.at].filter((at) => typeof at === "number");
      return times.length === 0 ? null : Math.min(...times);
    },

    async noteLooks(looks) {
      const write = (db: Db, { accountId, epoch, lookedAt, mode }: (typeof looks)[number]) =>
        db
          .update(watches)
          .set({ lookedAt, mode })
          .where(and(eq(watches.accountId, accountId), eq(watches.epoch, epoch)));
      // In one order always, so that two of these never wait for each other.
      const [first, ...more] = looks.toSorted((a, b) => (a.accountId < b.accountId ? -1 : 1));
      if (first === undefined) return;
      await done(store.atomic((db) => [write(db, first), ...more.map((look) => write(db, look))]));
    },
  };
}

/** The query that takes the accounts from whoever watches them; they are due again at `dueAt`. */
export function endClaim(
  { watches }: Handle["tables"],
  db: Db,
  condition: SQL | undefined,
  dueAt: number | SQL | null,
): Query {
  return db
    .update(watches)
    .set({ owner: null, leaseUntil: 0, epoch: sql`${watches.epoch} + 1`, dueAt })
    .where(condition);
}
