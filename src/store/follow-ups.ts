import { asc, getTableColumns, lte, min, sql } from "drizzle-orm";
import { givenRows } from "./given.ts";
import type { Handle } from "./handle.ts";
import { done } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { SubmissionStore } from "./submission-store.ts";
import { withoutClaim } from "./without-claim.ts";

/** So many due rows are looked at to find one of each account; where there are more, account by account. */
const looksAt = 500;

/** The part of the submissions' repository that hands out what is left to be done after an attempt. */
export function followUpsRepository(store: Handle): Pick<SubmissionStore, "claimFollowUps"> {
  const { submissions } = store.tables;
  const columns = withoutClaim(getTableColumns(submissions));
  const { id, followUpAt } = columns;
  const found = { id, followUpAt, accountId: submissions.accountId };
  const named = givenRows({ id, followUpAt });

  const isSet = sql`${submissions.followUpAt} is not null`;

  const firstDue = prepared(store, ["now"], (db, { now }) =>
    db
      .select(found)
      .from(submissions)
      .where(sql`${isSet} and ${lte(submissions.followUpAt, now)}`)
      .orderBy(asc(submissions.followUpAt))
      .limit(looksAt),
  );

  const nextAccount = sql`select min(account_id) from ${submissions} where ${isSet}`;
  /** The longest due of each account: each account is found by a leap behind the one before, however many rows that has. */
  const everyFirst = prepared(store, ["now", "limit"], (db, { now, limit }) =>
    db
      .select(found)
      .from(submissions)
      .where(
        sql`${submissions.id} in (with recursive busy(id) as (
            ${nextAccount} union all select (${nextAccount} and account_id > busy.id) from busy where busy.id is not null
          ) select (select one.id from submissions as one where one.account_id = busy.id and one.follow_up_at is not null
            and one.follow_up_at <= ${now} order by one.follow_up_at limit 1)
          from busy where busy.id is not null)`,
      )
      .orderBy(asc(submissions.followUpAt))
      .limit(limit),
  );

  const next = prepared(store, [], (db) =>
    db
      .select({ at: min(submissions.followUpAt) })
      .from(submissions)
      .where(isSet),
  );

  return {
    async claimFollowUps(now, leaseMs, limit) {
      const first = await firstDue({ now });
      const firsts = onePerAccount(first);
      const isEnough = first.length < looksAt || firsts.length >= limit;
      const due = isEnough ? firsts.slice(0, limit) : await everyFirst({ now, limit });
      const given = due.map((row) => named.of(row));
      const rows =
        given.length === 0
          ? []
          : await done(
              store.atomic((db) => [
                db
                  .update(submissions)
                  .set({ followUpAt: now + leaseMs, followUpTries: sql`${submissions.followUpTries} + 1` })
                  .from(named.from(store.dialect, given))
                  // As they were found: what another has claimed since is its own.
                  .where(sql`${submissions.id} = given.id and ${submissions.followUpAt} = given.follow_up_at`)
                  .returning(columns),
              ]),
            ).then(([claimed]) => claimed);
      const [left] = await next({});
      return { rows, nextAt: left?.at ?? null };
    },
  };
}

function onePerAccount<T extends { accountId: string }>(rows: T[]): T[] {
  const seen = new Set<string>();
  return rows.filter(({ accountId }) => !seen.has(accountId) && seen.add(accountId));
}
