import { and, asc, eq, getTableColumns, inArray, lte, min, sql } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { isRefusal } from "./handle.ts";
import type { Claim, SubmissionRow } from "./rows.ts";
import type { Store, SubmissionChange } from "./store.ts";

/** So many claims of one row may run out in a row; then it is taken to kill whoever works on it. */
const deathsUntilParked = 3;

type Claims = Pick<Store["submissions"], "claimDue" | "write" | "nextDueAt">;

/** The half of the submissions' repository that hands rows to one worker at a time. */
export function claimRepository(store: Handle): Claims {
  const { blobs, blobChunks, submissions } = store.tables;
  const { owner: _owner, epoch, leaseUntil: _lease, deaths: _deaths, ...columns } = getTableColumns(submissions);

  // Literals, not parameters: only so do the databases see that the partial indexes serve.
  const waiting = sql`${submissions.state} in ('scheduled', 'queued')`;
  const underWay = sql`${submissions.state} in ('sending', 'committing')`;
  const accountIsFree = sql`not exists (select 1 from submissions as other where other.account_id = ${submissions.accountId} and other.state in ('sending', 'committing'))`;

  async function attempt(row: { id: string; epoch: number }, owner: string, now: number, leaseMs: number) {
    const results = await store.atomic((db) => [
      db
        .update(submissions)
        .set({
          owner,
          leaseUntil: now + leaseMs,
          epoch: sql`${submissions.epoch} + 1`,
          // Left `sending` or `committing` by an owner that never gave it back.
          deaths: sql`case when ${underWay} and ${submissions.owner} is not null then ${submissions.deaths} + 1 else ${submissions.deaths} end`,
          attempts: sql`case when ${submissions.state} = 'committing' then ${submissions.attempts} else ${submissions.attempts} + 1 end`,
          state: sql`case when ${submissions.state} = 'committing' then 'committing' else 'sending' end`,
          nextAttemptAt: null,
          updatedAt: now,
        })
        .where(
          and(
            eq(submissions.id, row.id),
            eq(submissions.epoch, row.epoch),
            sql`((${waiting} and ${submissions.nextAttemptAt} <= ${now} and ${accountIsFree}) or (${underWay} and ${submissions.leaseUntil} <= ${now}))`,
          ),
        )
        .returning({ ...columns, epoch }),
    ]);
    // "taken": another row of the account came first; the unique index says so where two claim at once.
    return isRefusal(results) ? [] : results[0].map(asClaim);
  }

  function expired(now: number, limit: number) {
    return store.read((db) =>
      db
        .select()
        .from(submissions)
        .where(and(underWay, lte(submissions.leaseUntil, now)))
        .orderBy(asc(submissions.leaseUntil))
        .limit(limit),
    );
  }

  /** The oldest due row of each account that has nothing under way. */
  async function due(now: number, limit: number) {
    const oldest = await store.read((db) =>
      db
        .select({ id: min(submissions.id) })
        .from(submissions)
        .where(and(waiting, lte(submissions.nextAttemptAt, now), accountIsFree))
        .groupBy(submissions.accountId)
        .orderBy(min(submissions.nextAttemptAt))
        .limit(limit),
    );
    return oldest.flatMap(({ id }) => (id === null ? [] : [id]));
  }

  /** Writes the change, and removes the bytes with it. */
  async function finish(id: string, held: number, change: Partial<typeof submissions.$inferInsert>): Promise<boolean> {
    const itsBlob = sql`(select ${submissions.blobId} from ${submissions} where ${submissions.id} = ${id})`;
    const results = await store.atomic((db, require) => [
      require(submissions, and(eq(submissions.id, id), eq(submissions.epoch, held)), "unchanged"),
      db.delete(blobChunks).where(eq(blobChunks.blobId, itsBlob)),
      db.delete(blobs).where(eq(blobs.id, itsBlob)),
      db
        .update(submissions)
        .set({ ...change, blobId: null })
        .where(eq(submissions.id, id)),
    ]);
    return !isRefusal(results);
  }

  return {} as Claims;
}
