import type { Placeholder, SQL } from "drizzle-orm";
import { and, asc, eq, getTableColumns, isNotNull, lte, min, sql } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { isRefusal } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { Claim, SubmissionRow, SubmissionState } from "./rows.ts";
import type { Store } from "./store.ts";

/** So many claims of one row may run out one after another; then it is taken to kill whoever works on it. */
const deathsUntilParked = 3;

/** So many due rows are looked at together. */
const looksAt = 200;

const final: SubmissionState[] = ["sent", "failed", "canceled"];
const held: SubmissionState[] = ["sending", "committing"];

/** The half of the submissions' repository that hands each row to one worker at a time. */
export function claimRepository(store: Handle): Pick<Store["submissions"], "claimDue" | "write" | "nextDueAt"> {
  const { blobs, blobChunks, submissions } = store.tables;
  const { owner: _owner, leaseUntil: _lease, deaths: _deaths, ...claimed } = getTableColumns(submissions);
  type Change = Partial<{ [K in keyof typeof submissions.$inferInsert]: (typeof submissions.$inferInsert)[K] | SQL }>;

  // Literals, not parameters: only so do the databases see that the partial indexes serve.
  const waiting = sql`${submissions.state} in ('scheduled', 'queued')`;
  const underWay = sql`${submissions.state} in ('sending', 'committing')`;
  const accountIsFree = sql`not exists (select 1 from submissions as other
    where other.account_id = ${submissions.accountId} and other.state in ('sending', 'committing'))`;
  const isDue = (now: number | Placeholder) => and(waiting, lte(submissions.nextAttemptAt, now), accountIsFree);
  const hasRunOut = (now: number | Placeholder) => and(underWay, lte(submissions.leaseUntil, now));

  const begin = { state: "sending" as const, attempts: sql`${submissions.attempts} + 1` };

  /** Due rows of accounts that have nothing under way, the longest due first. */
  const due = prepared(store, ["now"], (db, { now }) =>
    db
      .select({ id: submissions.id, accountId: submissions.accountId })
      .from(submissions)
      .where(isDue(now))
      .orderBy(asc(submissions.nextAttemptAt), asc(submissions.id))
      .limit(looksAt),
  );

  const ranOut = prepared(store, ["now", "limit"], (db, { now, limit }) =>
    db.select().from(submissions).where(hasRunOut(now)).orderBy(asc(submissions.leaseUntil)).limit(limit),
  );

  const firstDue = prepared(store, [], (db) =>
    db
      .select({ at: submissions.nextAttemptAt })
      .from(submissions)
      .where(and(waiting, isNotNull(submissions.nextAttemptAt), accountIsFree))
      .orderBy(asc(submissions.nextAttemptAt))
      .limit(1),
  );

  const firstToRunOut = prepared(store, [], (db) =>
    db
      .select({ at: min(submissions.leaseUntil) })
      .from(submissions)
      .where(underWay),
  );

  /** None when another claim came first. */
  async function claim(id: string, condition: SQL | undefined, change: Change): Promise<Claim[]> {
    const results = await store.atomic((db) => [
      db
        .update(submissions)
        .set({ ...change, epoch: sql`${submissions.epoch} + 1` })
        .where(and(eq(submissions.id, id), condition))
        .returning(claimed),
    ]);
    // "taken": two rows of one account were claimed at once, and the unique index let one through.
    return isRefusal(results) ? [] : results[0].map(({ epoch, ...submission }) => ({ submission, epoch }));
  }

  /** Writes the change to a row that is over, and removes its bytes. False when the condition does not hold. */
  async function finish(id: string, condition: SQL | undefined, change: Change): Promise<boolean> {
    const itsBlob = sql`(select ${submissions.blobId} from ${submissions} where ${submissions.id} = ${id})`;
    const results = await store.atomic((db, require) => [
      require(submissions, and(eq(submissions.id, id), condition), "unchanged"),
      db.delete(blobChunks).where(eq(blobChunks.blobId, itsBlob)),
      db.delete(blobs).where(eq(blobs.id, itsBlob)),
      db
        .update(submissions)
        .set({ ...change, blobId: null })
        .where(eq(submissions.id, id)),
    ]);
    return !isRefusal(results);
  }

  /** A row that may have been sent is uncertain and keeps its bytes; any other has failed. */
  async function park(row: SubmissionRow & { epoch: number }, now: number): Promise<void> {
    const condition = and(eq(submissions.epoch, row.epoch), hasRunOut(now));
    const change = {
      ...free,
      epoch: row.epoch + 1,
      warnings: [...row.warnings, "parked"],
      nextAttemptAt: null,
      updatedAt: now,
    };
    if (row.state === "committing") await claim(row.id, condition, { ...change, state: "uncertain" });
    else await finish(row.id, condition, { ...change, state: "failed", finishedAt: now });
  }

  return {
    async claimDue(owner, now, leaseMs, limit) {
      const lease = { owner, leaseUntil: now + leaseMs, nextAttemptAt: null, updatedAt: now };
      const abandoned = await ranOut({ now, limit });
      const taken = await Promise.all(
        abandoned.map(async (row) => {
          const deaths = row.owner === null ? row.deaths : row.deaths + 1;
          if (deaths >= deathsUntilParked) return park(row, now).then((): Claim[] => []);
          const attempts = row.state === "committing" ? row.attempts : row.attempts + 1;
          return claim(row.id, and(eq(submissions.epoch, row.epoch), hasRunOut(now)), { ...lease, deaths, attempts });
        }),
      );

      const claims = taken.flat();
      for (;;) {
        const rows = await due({ now });
        const wanted = firstPerAccount(rows).slice(0, limit - claims.length);
        const begun = await Promise.all(wanted.map(({ id }) => claim(id, isDue(now), { ...lease, ...begin })));
        claims.push(...begun.flat());
        // Behind a full look there may be more, of accounts that the look did not reach.
        if (rows.length < looksAt || claims.length >= limit || begun.flat().length === 0) return claims;
      }
    },

    async write(id, epoch, { release = false, ...change }) {
      const over = release || (change.state !== undefined && !held.includes(change.state));
      const fields = { ...change, ...(over && free) };
      const condition = eq(submissions.epoch, epoch);
      if (change.state !== undefined && final.includes(change.state)) return finish(id, condition, fields);
      const results = await store.atomic((db) => [
        db
          .update(submissions)
          .set({ ...fields, epoch })
          .where(and(eq(submissions.id, id), condition))
          .returning({ id: submissions.id }),
      ]);
      return !isRefusal(results) && results[0].length > 0;
    },

    async nextDueAt() {
      const [[next], [lease]] = await Promise.all([firstDue({}), firstToRunOut({})]);
      const times = [next?.at, lease?.at].filter((at) => typeof at === "number");
      return times.length === 0 ? null : Math.min(...times);
    },
  };
}

/** What a row carries that nobody works on. */
const free = { owner: null, leaseUntil: 0, deaths: 0 };

function firstPerAccount<T extends { accountId: string }>(rows: T[]): T[] {
  const seen = new Set<string>();
  return rows.filter(({ accountId }) => !seen.has(accountId) && seen.add(accountId));
}
