import type { SQL } from "drizzle-orm";
import { and, eq, getTableColumns, inArray, sql } from "drizzle-orm";
import { Failure } from "../errors.ts";
import { appendEvents } from "./append-events.ts";
import { areDone, dropBytes } from "./drop-bytes.ts";
import type { Given } from "./given.ts";
import { bySize, charactersOf, givenRows } from "./given.ts";
import type { Db, Handle, Queries } from "./handle.ts";
import { done, isRefusal } from "./handle.ts";
import { preparedWrite } from "./prepared.ts";
import type { NewEvent } from "./rows.ts";
import type { SubmissionChange, SubmissionRow } from "./submission-rows.ts";
import type { SubmissionStore } from "./submission-store.ts";

type Outcome = Parameters<SubmissionStore["settle"]>[0][number];

/** The part of the submissions' repository that writes what became of them. */
export function settleSubmissionsRepository(
  store: Handle,
): Pick<SubmissionStore, "commit" | "settle" | "change" | "followUp"> {
  const { submissions, fences } = store.tables;
  const { locks } = store.dialect;
  const { owner: _owner, epoch, leaseUntil: _lease, deaths: _deaths, ...columns } = getTableColumns(submissions);
  const { id, recipients, state, warnings, lastError, sentCopy, attempts, nextAttemptAt, followUps, followUpAt } =
    columns;
  const { finishedAt, updatedAt } = columns;

  const isHeld = sql`submissions.state in ('sending', 'committing') and submissions.id = given.id and submissions.epoch = given.epoch`;

  const ended = givenRows({ id, epoch, state, followUps });
  const committed = givenRows({ id, epoch, recipients });
  const outcomeColumns = { state, recipients, warnings, lastError, sentCopy, attempts, nextAttemptAt } as const;
  const laterColumns = { followUps, followUpAt, finishedAt, updatedAt } as const;
  const settled = givenRows({ id, epoch, ...outcomeColumns, ...laterColumns });
  const isOver = areDone(sql`given.state`, sql`given.follow_ups`);
  const asGiven = Object.fromEntries(
    Object.entries({ ...outcomeColumns, ...laterColumns }).map(([key, { name }]) => [key, sql.raw(`given.${name}`)]),
  );

  const commitSome = preparedWrite(store, ["claims", "leaseUntil"], (db, given) =>
    db
      .update(submissions)
      .set({
        state: "committing",
        leaseUntil: sql`${given.leaseUntil}`,
        recipients: sql`coalesce(given.recipients, ${submissions.recipients})`,
      })
      .from(committed.from(store.dialect, given.claims))
      .where(isHeld)
      .returning({ id }),
  );

  /** What one query writes; refused unless all claims hold, and the rows are locked then. */
  function settleSome(db: Db, given: Given[]): Queries {
    const claims = given.map(({ id = "", epoch = 0, state = "", follow_ups = "" }) => ({
      id,
      epoch,
      state,
      follow_ups,
    }));
    const from = ended.from(store.dialect, claims);
    const blobIds = sql`(select submissions.blob_id from ${from} cross join submissions where ${isHeld} and ${isOver})`;
    return [
      db.insert(fences).select(
        sql`select cast(null as integer) from ${from}
          where not exists (select 1 from submissions where ${isHeld} ${locks.unchanged})`,
      ),
      ...dropBytes(store, db, blobIds),
      db
        .update(submissions)
        .set({
          ...asGiven,
          blobId: sql`case when ${isOver} then null else ${submissions.blobId} end`,
          owner: null,
          leaseUntil: 0,
          deaths: 0,
        })
        .from(settled.from(store.dialect, given))
        .where(isHeld),
    ];
  }

  /** Refused where a claim does not hold, or an event is there already. */
  function settleAll(outcomes: Outcome[]) {
    // In one order, whoever writes: so that no two wait for each other.
    const inOrder = outcomes.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const given = inOrder.map(({ id, epoch, outcome }) => settled.of({ id, epoch, ...outcome }));
    const events = outcomes.flatMap(({ event }) => (event === null ? [] : [event]));
    const [first = [], ...more] = bySize(given, charactersOf);
    return store.atomic((db) => [
      ...settleSome(db, first),
      ...more.flatMap((some) => settleSome(db, some)),
      ...appendEvents(store, db, events),
    ]);
  }

  /** Where some claims are another's by now, the half that has them is told from the half that can be written. */
  async function settle(outcomes: Outcome[]): Promise<string[]> {
    if (outcomes.length === 0) return [];
    const results = await settleAll(outcomes);
    if (!isRefusal(results)) return outcomes.map(({ id }) => id);
    if (outcomes.length > 1) {
      const half = Math.ceil(outcomes.length / 2);
      return [...(await settle(outcomes.slice(0, half))), ...(await settle(outcomes.slice(half)))];
    }
    if (results === "taken") throw new Failure("internal", "The event's id was used before.");
    return [];
  }

  /** Writes the change to the row that meets the condition, with its event; the row then, null when there is none. */
  async function write(
    condition: SQL | undefined,
    change: SubmissionChange,
    event: NewEvent | null,
  ): Promise<SubmissionRow | null> {
    const { state: stateThen, followUps: followUpsThen } = change;
    const isOver = areDone(
      stateThen === undefined ? sql`${submissions.state}` : sql`${stateThen}`,
      followUpsThen === undefined ? sql`${submissions.followUps}` : sql`${JSON.stringify(followUpsThen)}`,
    );
    const blobIds = sql`(select ${submissions.blobId} from ${submissions} where ${and(condition, isOver)})`;
    const results = await store.atomic((db, require) => [
      require(submissions, condition, "unchanged"),
      ...dropBytes(store, db, blobIds),
      db
        .update(submissions)
        .set({ ...change, blobId: sql`case when ${isOver} then null else ${submissions.blobId} end` })
        .where(condition)
        .returning(columns),
      ...(event === null ? [] : appendEvents(store, db, [event])),
    ]);
    if (results === "refused") return null;
    const [, , , rows] = await done(Promise.resolve(results));
    return rows?.[0] ?? null;
  }

  return {
    async commit(claims, leaseUntil) {
      const given = claims.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map((claim) => committed.of(claim));
      const standing: string[] = [];
      for (const some of bySize(given, charactersOf)) {
        const written = await commitSome({ claims: committed.text(store.dialect, some), leaseUntil });
        standing.push(...written.map(({ id }) => id));
      }
      return standing;
    },

    settle,

    change(seen, states, change, event) {
      return write(
        and(eq(submissions.id, seen.id), eq(submissions.updatedAt, seen.updatedAt), inArray(submissions.state, states)),
        change,
        event,
      );
    },

    async followUp(claimed, change, event) {
      if (claimed.followUpAt === null) return null;
      const condition = and(eq(submissions.id, claimed.id), eq(submissions.followUpAt, claimed.followUpAt));
      return write(condition, change, event);
    },
  };
}
