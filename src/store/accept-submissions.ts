import { and, eq, getTableColumns, sql } from "drizzle-orm";
import { Failure } from "../errors.ts";
import type { Given } from "./given.ts";
import { bySize, charactersOf, givenRows } from "./given.ts";
import type { Db, Handle, Query } from "./handle.ts";
import { isRefusal } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { SubmissionRow } from "./submission-rows.ts";
import type { SubmissionStore } from "./submission-store.ts";
import { withoutClaim } from "./without-claim.ts";

type Answer = Awaited<ReturnType<SubmissionStore["accept"]>>;
type Asked = { row: SubmissionRow; octets: Uint8Array | null; answer: PromiseWithResolvers<Answer> };

/** Octets of messages, in one atomic: the most that are short enough to be given here, and D1 binds no more than 2 MB. */
const mostOctets = 1024 * 1024;
/** Rows in one atomic. */
const mostRows = 100;

/**
 * The half of the submissions' repository that accepts them. What is asked for in one turn of the loop, or while one atomic is under way, is written
 * together: a query takes as long to build and to hand over for many as for one. Each has its own answer all the same.
 */
export function acceptRepository(store: Handle): Pick<SubmissionStore, "accept" | "byIdempotencyKey"> {
  const { blobs, blobChunks, submissions } = store.tables;
  const { locks, slice } = store.dialect;
  const columns = withoutClaim(getTableColumns(submissions));

  const givenSubmissions = givenRows(columns, { is_stored: "bigint" });
  const givenBytes = givenRows(
    {},
    { id: "text", account_id: "text", blob_id: "text", starts: "bigint", size: "bigint" },
  );
  const unclaimed: Record<string, string> = { owner: "null", epoch: "0", lease_until: "0", deaths: "0" };
  const inOrder = sql.raw(
    Object.values(getTableColumns(submissions))
      .map(({ name }) => unclaimed[name] ?? `given.${name}`)
      .join(", "),
  );
  const isAccepted = sql`exists (select 1 from submissions where submissions.id = given.id)`;

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

  /** Gives the ids of those that were accepted. */
  function insertRows(db: Db, group: Given[], keep: "exists" | "present") {
    return db
      .insert(submissions)
      .select(
        sql`select ${inOrder} from ${givenSubmissions.from(store.dialect, group)}
          where exists (select 1 from accounts where accounts.id = given.account_id ${locks[keep]})
            and (given.is_stored = 0 or exists (select 1 from blobs where blobs.id = given.blob_id ${locks.unchanged}))`,
      )
      .onConflictDoNothing({
        target: [submissions.appId, submissions.accountId, submissions.route, submissions.idempotencyKey],
      })
      .returning({ id: submissions.id });
  }

  /** The bytes of those that were accepted. */
  function insertBytes(db: Db, group: Asked[]): Query[] {
    const pieces: Uint8Array[] = [];
    const stored: Given[] = [];
    const brought: Given[] = [];
    let starts = 1;
    for (const { row, octets } of group) {
      const named = { id: row.id, account_id: row.accountId, blob_id: row.blobId, starts, size: octets?.length ?? 0 };
      if (row.blobId === null) continue;
      if (octets === null) {
        stored.push(named);
        continue;
      }
      brought.push(named);
      pieces.push(octets);
      starts += octets.length;
    }
    const queries: Query[] = [];
    if (brought.length > 0) {
      const given = givenBytes.from(store.dialect, brought);
      const piece = slice(Buffer.concat(pieces), sql`given.starts`, sql`given.size`);
      queries.push(
        db
          .insert(blobs)
          .select(sql`select given.blob_id, given.account_id, given.size, null from ${given} where ${isAccepted}`),
        db
          .insert(blobChunks)
          .select(sql`select given.blob_id, 0, ${piece} from ${given} where given.size > 0 and ${isAccepted}`),
      );
    }
    if (stored.length > 0) {
      const given = givenBytes.from(store.dialect, stored);
      queries.push(
        db
          .update(blobs)
          .set({ expiresAt: null })
          .where(sql`${blobs.id} in (select given.blob_id from ${given} where ${isAccepted})`),
      );
    }
    return queries;
  }

  /** The ids of those that were accepted. */
  async function write(group: Asked[], keep: "exists" | "present"): Promise<Set<string>> {
    const given = group.map(({ row, octets }) =>
      givenSubmissions.of(row, { is_stored: octets === null && row.blobId !== null ? 1 : 0 }),
    );
    const [first = [], ...more] = bySize(given, charactersOf);
    const results = await store.atomic((db) => [
      insertRows(db, first, keep),
      ...more.map((some) => insertRows(db, some, keep)),
      ...insertBytes(db, group),
    ]);
    if (isRefusal(results)) {
      throw new Failure("internal", "The submission's id, or that of its bytes, was used before.");
    }
    const written: { id: string }[] = results.slice(0, more.length + 1).flat();
    return new Set(written.map(({ id }) => id));
  }

  /** Answers to all of them, at the latest when each that was not accepted has been looked at. */
  async function acceptAll(group: Asked[]): Promise<void> {
    try {
      // One whose account is locked, because it is going, holds up nobody else.
      const accepted = await write(group, "present");
      for (const one of group) {
        if (accepted.has(one.row.id)) one.answer.resolve({ accepted: true });
        else void acceptAlone(one);
      }
    } catch (error) {
      const isAway = error instanceof Failure && error.code === "storage-unavailable";
      for (const one of group) {
        if (isAway) one.answer.reject(error);
        else void acceptAlone(one);
      }
    }
  }

  async function acceptAlone(asked: Asked): Promise<void> {
    const { appId, accountId, route, idempotencyKey } = asked.row;
    try {
      for (const isOver of [false, true]) {
        const [standing] = await ofKey({ appId, accountId, route, idempotencyKey });
        if (standing !== undefined) return asked.answer.resolve({ accepted: false, standing });
        if (isOver) break;
        const accepted = await write([asked], "exists");
        if (accepted.size > 0) return asked.answer.resolve({ accepted: true });
      }
      throw new Failure("not-found", "The account, or the message as it was stored, is gone.");
    } catch (error) {
      asked.answer.reject(error);
    }
  }

  let waiting: Asked[] = [];
  let isWorking = false;

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting.slice(0, fitting(waiting));
      waiting = waiting.slice(group.length);
      await acceptAll(group);
    }
    isWorking = false;
  }

  return {
    accept(row, octets) {
      const answer = Promise.withResolvers<Answer>();
      waiting.push({ row, octets, answer });
      if (!isWorking) setImmediate(() => void work());
      isWorking = true;
      return answer.promise;
    },

    async byIdempotencyKey(appId, accountId, route, idempotencyKey) {
      const [row] = await ofKey({ appId, accountId, route, idempotencyKey });
      return row ?? null;
    },
  };
}

/** How many of the first ones one atomic takes: one at least. */
function fitting(asked: Asked[]): number {
  let octets = 0;
  const end = asked.findIndex((one, at) => {
    octets += one.octets?.length ?? 0;
    return at > 0 && (at >= mostRows || octets > mostOctets);
  });
  return end === -1 ? asked.length : end;
}
