import { and, eq, getTableColumns, isNotNull, isNull, lte, or, sql } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { done } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { Store } from "./store.ts";
import { withoutClaim } from "./without-claim.ts";

/**
 * The store as who works for one account only sees it: what is due, and what can be claimed as due, is that account's. All else is as it was. Claims are
 * made by the same columns, so others may work for the account as well.
 */
export function ofOneAccount(handle: Handle, store: Store, accountId: string): Store {
  const { submissions, watches } = handle.tables;
  const columns = withoutClaim(getTableColumns(submissions));
  const held = { accountId: watches.accountId, epoch: watches.epoch };

  // Literals, not parameters: only so does the database see that the partial indexes serve.
  const isWaiting = sql`account_id = ${accountId} and state in ('scheduled', 'queued')`;
  const isUnderWay = sql`account_id = ${accountId} and state in ('sending', 'committing')`;
  const first = (column: string, condition: ReturnType<typeof sql>) =>
    sql`(select min(${sql.raw(column)}) from ${submissions} where ${condition})`.mapWith(submissions.nextAttemptAt);

  const times = prepared(handle, ["now"], (db, { now }) =>
    db
      .select({
        due: first("next_attempt_at", isWaiting),
        lost: first("lease_until", isUnderWay),
        dueNext: first("next_attempt_at", sql`${isWaiting} and next_attempt_at > ${now}`),
        lostNext: first("lease_until", sql`${isUnderWay} and lease_until > ${now}`),
      })
      .from(sql`(select 1) as one`),
  );
  const firstFollowUp = prepared(handle, [], (db) =>
    db
      .select({ at: first("follow_up_at", sql`account_id = ${accountId} and follow_up_at is not null`) })
      .from(sql`(select 1) as one`),
  );

  return {
    ...store,
    submissions: {
      ...store.submissions,

      async due(now) {
        const [found] = await times({ now });
        const { due, lost, dueNext, lostNext } = { due: null, lost: null, dueNext: null, lostNext: null, ...found };
        const since = earliest([due, lost]);
        return {
          accounts: since !== null && since <= now ? [{ accountId, since }] : [],
          nextAt: earliest([dueNext, lostNext]),
        };
      },

      async claimFollowUps(now, leaseMs, limit) {
        const [rows] = await done(
          handle.atomic((db) => [
            db
              .update(submissions)
              .set({ followUpAt: now + leaseMs, followUpTries: sql`${submissions.followUpTries} + 1` })
              .where(
                and(
                  sql`${submissions.id} = (select id from submissions where account_id = ${accountId}
                    and follow_up_at is not null and follow_up_at <= ${now} order by follow_up_at limit ${Math.min(limit, 1)})`,
                  // Said once more: where another has claimed the row meanwhile, it is not taken from him.
                  lte(submissions.followUpAt, now),
                ),
              )
              .returning(columns),
          ]),
        );
        const [next] = await firstFollowUp({});
        return { rows, nextAt: next?.at ?? null };
      },
    },

    watches: {
      ...store.watches,

      async claim(owner, now, leaseMs, limit) {
        if (limit < 1) return [];
        const isFree = or(
          and(isNull(watches.owner), lte(watches.dueAt, now)),
          and(isNotNull(watches.owner), lte(watches.leaseUntil, now)),
        );
        const [claims] = await done(
          handle.atomic((db) => [
            db
              .update(watches)
              .set({ owner, leaseUntil: now + leaseMs, epoch: sql`${watches.epoch} + 1` })
              .where(and(eq(watches.accountId, accountId), isFree))
              .returning(held),
          ]),
        );
        return claims;
      },

      async nextDueAt(owner) {
        const row = await store.watches.get(accountId);
        if (row === null) return null;
        if (row.owner === null) return row.dueAt;
        return row.owner === owner ? null : row.leaseUntil;
      },
    },
  };
}

function earliest(times: (number | null)[]): number | null {
  const known = times.filter((at) => at !== null);
  return known.length === 0 ? null : Math.min(...known);
}
