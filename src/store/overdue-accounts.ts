import { and, asc, isNotNull, isNull, lte, min } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import type { Store } from "./store.ts";

type Overdue = { accountId: string; since: number | null };

/**
 * The accounts that had something to be done by `by`, milliseconds since the epoch, and that nobody has begun or goes on with: a
 * look, a submission or a follow-up. At most `limit`, those that wait longest first. Who may send nothing stays due however often it
 * is called: such accounts have half the room, and turns by `random`, from 0 to 1, so that they keep out nobody. Fails `storage-unavailable`.
 */
export async function overdueAccounts(
  handle: Handle,
  { submissions: outbox }: Pick<Store, "submissions">,
  { by, limit, random }: { by: number; limit: number; random: () => number },
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
  const { accounts: queued } = await outbox.due(by);
  // A call moves these on: the oldest can't be the same each time.
  const moving = eachOnce([...(await due), ...(await lost), ...(await followUps)]);
  const queues = eachOnce(queued);
  const room = Math.max(limit - moving.length, Math.ceil(limit / 2));
  const from = queues.length > room ? Math.floor(random() * queues.length) : 0;
  const some = [...queues.slice(from), ...queues.slice(0, from)].slice(0, room);
  return eachOnce([...some, ...moving.slice(0, limit - some.length)]).map(({ accountId }) => accountId);
}

/** The oldest first. */
function eachOnce(found: Overdue[]): Overdue[] {
  const each = new Map<string, Overdue>();
  for (const one of found.toSorted((a, b) => (a.since ?? 0) - (b.since ?? 0)))
    if (!each.has(one.accountId)) each.set(one.accountId, one);
  return [...each.values()];
}
