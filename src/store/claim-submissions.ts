import type { SQL } from "drizzle-orm";
import { and, eq, getTableColumns, gt, inArray, sql } from "drizzle-orm";
import { bound } from "./bound.ts";
import { givenRows } from "./given.ts";
import type { Handle } from "./handle.ts";
import { done } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { SubmissionStore } from "./submission-store.ts";

/** So many claims of one row may run out one after another; then it is taken to kill whoever works on it. */
const deathsUntilParked = 3;

/** So many due rows are looked at to tell whose they are; where there are more, account by account. */
const looksAt = 500;

/** The part of the submissions' repository that hands each row to one worker at a time. */
export function claimSubmissionsRepository(
  store: Handle,
): Pick<SubmissionStore, "due" | "claim" | "abandon" | "renew" | "giveBack"> {
  const { submissions } = store.tables;
  const { locks } = store.dialect;
  const { owner: _owner, leaseUntil: _lease, ...claimed } = getTableColumns(submissions);
  const { id, epoch } = claimed;
  const given = givenRows({ id, epoch });

  // Literals, not parameters: only so do the databases see that the partial indexes serve.
  const isWaiting = sql`${submissions.state} in ('scheduled', 'queued')`;
  const underWay = sql`${submissions.state} in ('sending', 'committing')`;
  const isCommitting = sql`${submissions.state} = 'committing'`;
  const isHeld = sql`${underWay} and ${submissions.id} = given.id and ${submissions.epoch} = given.epoch`;

  /** Of the longest due rows, whose they are. */
  const firstDue = prepared(store, ["now"], (db, { now }) =>
    db
      .select({
        accountId: sql<string>`account_id`,
        since: sql<number>`min(next_attempt_at)`.mapWith(Number),
        rows: sql<number>`count(*)`.mapWith(Number),
      })
      .from(
        sql`(select account_id, next_attempt_at from ${submissions} where ${isWaiting} and next_attempt_at <= ${now}
          order by next_attempt_at limit ${sql.raw(`${looksAt}`)}) as first`,
      )
      .groupBy(sql`account_id`),
  );

  const nextAccount = sql`select min(account_id) from ${submissions} where ${isWaiting}`;
  /** All accounts that have due rows: each is found by a leap behind the one before, however many rows that has. */
  const everyDue = prepared(store, ["now"], (db, { now }) =>
    db
      .select({ accountId: sql<string>`account_id`, since: sql<number>`since`.mapWith(Number) })
      .from(
        sql`(with recursive busy(id) as (
            ${nextAccount} union all select (${nextAccount} and account_id > busy.id) from busy where busy.id is not null
          ) select busy.id as account_id, (select min(next_attempt_at) from ${submissions}
            where ${isWaiting} and account_id = busy.id) as since
          from busy where busy.id is not null) as every_account`,
      )
      .where(sql`since <= ${now}`),
  );

  const ranOut = prepared(store, ["now"], (db, { now }) =>
    db
      .select({ accountId: submissions.accountId, since: sql<number>`min(${submissions.leaseUntil})`.mapWith(Number) })
      .from(submissions)
      .where(and(underWay, sql`${submissions.leaseUntil} <= ${now}`))
      .groupBy(submissions.accountId),
  );

  const nextTimes = prepared(store, ["now"], (db, { now }) =>
    db
      .select({
        due: sql`(select min(next_attempt_at) from ${submissions} where ${isWaiting} and next_attempt_at > ${now})`.mapWith(
          submissions.nextAttemptAt,
        ),
        lease: sql`(select min(lease_until) from ${submissions} where ${underWay} and lease_until > ${now})`.mapWith(
          submissions.nextAttemptAt,
        ),
      })
      .from(sql`(select 1) as one`),
  );

  /**
   * Ids of up to `limit` rows of an account that may be claimed now, those before all whose worker was lost; the others meet `ofWaiting`. One that lost two is claimed when no
   * other such one is under way: else one that kills its worker would count deaths for all that were claimed with it.
   */
  function free(accountId: string, now: number, limit: number, ofWaiting: SQL): SQL {
    const [ofAccount, rows] = [sql`account_id = ${bound(accountId)}`, bound(limit)];
    const isSuspect = sql`exists (select 1 from submissions where ${ofAccount} and state in ('sending', 'committing')
      and deaths > 1 and lease_until > ${now})`;
    const first = (name: string, which: SQL, column: string, most: SQL) => sql`select id from (
      select id from submissions where ${ofAccount} and ${which} and ${sql.raw(column)} <= ${now}
      order by ${sql.raw(column)}, id limit ${most} ${locks.ours}) as ${sql.raw(name)}`;
    const held = sql`state in ('sending', 'committing')`;
    const lost = first("lost", sql`${held} and deaths = 0`, "lease_until", rows);
    const again = first("again", sql`${held} and deaths > 0 and not ${isSuspect}`, "lease_until", sql`1`);
    const waiting = first("fresh", sql`state in ('scheduled', 'queued') and ${ofWaiting}`, "next_attempt_at", rows);
    // Materialized, so that no plan runs it twice and locks others the second time.
    return sql`(with free as materialized (${again} union all ${lost} union all ${waiting})
      select id from free limit ${rows})`;
  }

  return {
    async due(now) {
      const [first, lost, [next]] = await Promise.all([firstDue({ now }), ranOut({ now }), nextTimes({ now })]);
      const isAll = first.reduce((sum, { rows }) => sum + rows, 0) < looksAt;
      const since = new Map<string, number>();
      for (const one of [...(isAll ? first : await everyDue({ now })), ...lost])
        since.set(one.accountId, Math.min(one.since, since.get(one.accountId) ?? Infinity));
      const nextAt = Math.min(next?.due ?? Infinity, next?.lease ?? Infinity);
      return {
        accounts: [...since].map(([accountId, at]) => ({ accountId, since: at })),
        nextAt: nextAt === Infinity ? null : nextAt,
      };
    },

    async claim(accountId, { owner, now, leaseMs, limit, only }) {
      const ofWaiting = only === "expired" ? sql`deliver_before <= ${now}` : sql`1 = 1`;
      const isParked = sql`${underWay} and ${submissions.deaths} + 1 >= ${deathsUntilParked}`;
      const [taken] = await done(
        store.atomic((db) => [
          db
            .update(submissions)
            .set({
              state: sql`case when ${isCommitting} then 'committing' else 'sending' end`,
              attempts: sql`${submissions.attempts} + case when ${isCommitting} or (${isParked}) then 0 else 1 end`,
              deaths: sql`${submissions.deaths} + case when ${underWay} then 1 else 0 end`,
              epoch: sql`${submissions.epoch} + 1`,
              owner,
              leaseUntil: now + leaseMs,
              nextAttemptAt: null,
              updatedAt: now,
            })
            .where(inArray(submissions.id, free(accountId, now, limit, ofWaiting)))
            .returning(claimed),
        ]),
      );
      return taken
        .map(({ epoch, deaths, ...submission }) => {
          const isParked = deaths >= deathsUntilParked;
          return { submission, epoch, isParked, isAlone: deaths > 1 && !isParked };
        })
        .toSorted((a, b) => (a.submission.id < b.submission.id ? -1 : 1));
    },

    async abandon(owner, now) {
      await done(
        store.atomic((db) => [
          db
            .update(submissions)
            .set({ leaseUntil: now })
            .where(and(underWay, eq(submissions.owner, owner), gt(submissions.leaseUntil, now))),
        ]),
      );
    },

    async renew(claims, leaseUntil) {
      if (claims.length === 0) return [];
      const [renewed] = await done(
        store.atomic((db) => [
          db
            .update(submissions)
            .set({ leaseUntil })
            .from(
              given.from(
                store.dialect,
                claims.map((claim) => given.of(claim)),
              ),
            )
            .where(isHeld)
            .returning({ id: submissions.id }),
        ]),
      );
      return renewed.map(({ id }) => id);
    },

    async giveBack(claims, now) {
      if (claims.length === 0) return;
      // Nobody knows what became of one that was committing, and one that is parked stays so: these wait to be taken over again.
      const stays = sql`(${isCommitting} or ${submissions.deaths} >= ${deathsUntilParked})`;
      const either = (ifStays: SQL | number | null, otherwise: SQL | number | string | null, type: "text" | "bigint") =>
        sql`case when ${stays} then ${ifStays} else cast(${otherwise} as ${sql.raw(type)}) end`;
      await done(
        store.atomic((db) => [
          db
            .update(submissions)
            .set({
              state: either(sql`${submissions.state}`, "queued", "text"),
              owner: either(sql`${submissions.owner}`, null, "text"),
              leaseUntil: either(sql`cast(${now} as bigint)`, 0, "bigint"),
              nextAttemptAt: either(sql`cast(null as bigint)`, now, "bigint"),
              attempts: either(sql`${submissions.attempts}`, sql`${submissions.attempts} - 1`, "bigint"),
              // Two lost workers are remembered as one: rows that wait are not claimed one at a time.
              deaths: sql`case when ${submissions.deaths} = 0 then 0 when ${stays} then ${submissions.deaths} - 1 else 1 end`,
              updatedAt: now,
            })
            .from(
              given.from(
                store.dialect,
                claims.map((claim) => given.of(claim)),
              ),
            )
            .where(isHeld),
        ]),
      );
    },
  };
}
