import { and, asc, isNotNull, isNull, lte, min } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import type { Store } from "./store.ts";

/**
 * The accounts that had something to be done by `by`, milliseconds since the epoch, and that nobody has begun or goes on with: a
 * look, a submission or a follow-up. At most `limit`, those that wait longest first. Fails `storage-unavailable`.
 */
export async function overdueAccounts(
  handle: Handle,
  { submissions: outbox }: Pick<Store, "submissions">,
  by: number,
  limit: number,
): Promise<string[]> {
  const { submissions, watches } = handle.tables;
  const due = handle.read((db) =>
    db
      .select({ accountId: watches.accountId, since: watches.dueAt })
      .from(watches)
      .where(and(isNull(watches.owner), lte(watches.dueAt, by)))
      .orderBy(asc(watches.dueAt))
      .limit(limit),
  );
  const lost = handle.read((db) =>
    db
      .select({ accountId: watches.accountId, since: watches.leaseUntil })
      .from(watches)
      .where(and(isNotNull(watches.owner), lte(watches.leaseUntil, by)))
      .orderBy(asc(watches.leaseUntil))
      .limit(limit),
  );
  const followUps = handle.read((db) =>
    db
      .select({ accountId: submissions.accountId, since: min(submissions.followUpAt) })
      .from(submissions)
      .where(and(isNotNull(submissions.followUpAt), lte(submissions.followUpAt, by)))
      .groupBy(submissions.accountId)
      .orderBy(asc(min(submissions.followUpAt)))
      .limit(limit),
  );
  const { accounts: queues } = await outbox.due(by);
  const found = [...(await due), ...(await lost), ...(await followUps), ...queues];
  const oldestFirst = found.toSorted((a, b) => (a.since ?? 0) - (b.since ?? 0));
  return [...new Set(oldestFirst.map(({ accountId }) => accountId))].slice(0, limit);
}
