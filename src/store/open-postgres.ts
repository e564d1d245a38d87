import type { BatchResponse } from "drizzle-orm/batch";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { drizzle } from "drizzle-orm/node-postgres";
import { DatabaseError, Pool } from "pg";
import { Failure } from "../errors.ts";
import { postgresDialect as dialect } from "./dialect.ts";
import type { Meaning } from "./failures.ts";
import { rootOf, storageFailure } from "./failures.ts";
import type { Db, Handle, Queries, Require } from "./handle.ts";
import { requireWith } from "./handle.ts";
import { migratePostgres } from "./migrate-postgres.ts";
import { readMigrations } from "./migrations.ts";
import { postgresTables as tables } from "./parity.ts";

const triesWhenInterrupted = 5;

type PostgresOptions = {
  /** Connections at most. */
  connections?: number;
  statementTimeoutMs?: number;
};

/**
 * Connects to `url` (postgres://…) and migrates the database, under a lock against other processes that start.
 * Fails with `storage-unavailable`; not retryable when a newer Postern has written it.
 */
export async function openPostgres(url: string, options: PostgresOptions = {}): Promise<Handle> {
  const { connections = 10, statementTimeoutMs = 15_000 } = options;
  await translated(() => migratePostgres(url, readMigrations("postgres")));

  const pool = new Pool({
    connectionString: url,
    max: connections,
    application_name: "postern",
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    // A server that has gone mute can't end a statement itself.
    query_timeout: statementTimeoutMs + 5_000,
  });
  // A lost connection is told to the query on it; as an event that nobody listens to it would end the process.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  const database = asCommon(drizzle(pool));

  async function transaction<Q extends Queries>(build: (db: Db, require: Require) => Q): Promise<BatchResponse<Q>> {
    const client = await pool.connect();
    try {
      await client.query("begin");
      const db = asCommon(drizzle(client));
      const results: unknown[] = [];
      for (const query of build(db, requireWith(db, tables, dialect)))
        results.push(await Promise.resolve<unknown>(query));
      await client.query("commit");
      client.release();
      return results as BatchResponse<Q>;
    } catch (error) {
      // Only what the server itself refused leaves the connection in a known state.
      const intact = sqlState(error) !== null && (await client.query("rollback").then(...yesOrNo));
      client.release(!intact);
      throw error;
    }
  }

  return {
    tables,
    dialect,

    read: (build) => translated(async () => build(database)),

    write: (build) => translated(() => insist(async () => build(database))),

    async atomic(build) {
      try {
        return await insist(() => transaction(build));
      } catch (error) {
        const meaning = meaningOf(error);
        if (meaning === "refused" || meaning === "taken") return meaning;
        throw failureOf(error);
      }
    },

    now: () =>
      translated(async () => {
        const { rows } = await pool.query<{ now: number }>(
          "select cast(extract(epoch from clock_timestamp()) * 1000 as float8) as now",
        );
        const [row] = rows;
        if (row === undefined) throw new Failure("internal", "Postgres gave no time.");
        return row.now;
      }),

    close: () => pool.end(),
  };
}

/** The other of the two casts that `parity.ts` speaks of. */
function asCommon(database: NodePgDatabase): Db {
  return database as unknown as Db;
}

const yesOrNo = [() => true, () => false] as const;

/** Tries again what was interrupted. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!wasInterrupted(error) || tries === triesWhenInterrupted) throw error;
    }
  }
}

/** A deadlock, or a serialisation failure: nothing was written, and trying again is the cure. */
function wasInterrupted(error: unknown): boolean {
  return ["40001", "40P01"].includes(sqlState(error) ?? "");
}

function meaningOf(error: unknown): Meaning {
  const root = rootOf(error);
  const state = sqlState(error);
  if (state === "23502" && root instanceof DatabaseError && root.table === "fences") return "refused";
  if (state === "23505") return "taken";
  // Classes 22 (data), 23 (constraints) and 42 (syntax, names) are ours; the rest is the server's or the network's.
  return state !== null && /^(?:22|23|42)/.test(state) ? "bug" : "unavailable";
}

function sqlState(error: unknown): string | null {
  const root = rootOf(error);
  return root instanceof DatabaseError ? (root.code ?? null) : null;
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failureOf(error);
  }
}

function failureOf(error: unknown): Failure {
  const root = rootOf(error);
  if (root instanceof Failure) return root;
  const code = root instanceof Error && "code" in root ? String(root.code) : "CONNECTION";
  return storageFailure(meaningOf(error) === "unavailable" ? "unavailable" : "bug", code);
}
