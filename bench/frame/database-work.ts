import { readFileSync } from "node:fs";

import { Client } from "pg";

import { type Postgres, startPostgres } from "../../test/servers/postgres.ts";
import { provision } from "../../test/servers/provision.ts";

/** What was asked of one database, and what it took. */
export type DatabaseWork = {
  /** Without those that only begin and end transactions. */
  statements: number;
  /** Transactions that wrote something. */
  commits: number;
  /** NOTIFY, each heard by all who listen. */
  hints: number;
  /** Of Postgres with all its processes, milliseconds. */
  processorTime: number;
};

export type MeteredPostgres = {
  /** Creates a fresh database and returns its URL. */
  database(): Promise<string>;
  /**
   * What was done since the last call. Statements and hints are those of the database at `url`, the rest is that of all databases
   * together: the others have to rest.
   */
  work(url: string): Promise<DatabaseWork>;
  stop(): Promise<void>;
};

const none: DatabaseWork = { statements: 0, commits: 0, hints: 0, processorTime: 0 };

/** Starts a Postgres that counts what it is asked (pg_stat_statements), with no checkpoint by its clock meanwhile. */
export async function startMeteredPostgres(): Promise<MeteredPostgres> {
  await provision(["postgres"]);
  const postgres = await startPostgres();
  const url = `postgres://postgres@${postgres.host}:${postgres.port}/postgres`;
  await withClient(url, async (client) => {
    await client.query("alter system set shared_preload_libraries = 'pg_stat_statements'");
    await client.query("alter system set checkpoint_timeout = '1h'");
    await client.query("alter system set max_wal_size = '8GB'");
  });
  await postgres.restart();
  await withClient(url, (client) => client.query("create extension pg_stat_statements"));
  let before = new Map<string, DatabaseWork>();
  return {
    database: () => postgres.database(),
    async work(of) {
      const now = await withClient(url, (client) => readWork(client, postgres, new URL(of).pathname.slice(1)));
      const then = before.get(of) ?? none;
      before = new Map([...before, [of, now]]);
      return less(now, then);
    },
    stop: () => postgres.stop(),
  };
}

function less(now: DatabaseWork, then: DatabaseWork): DatabaseWork {
  return {
    statements: now.statements - then.statements,
    commits: now.commits - then.commits,
    hints: now.hints - then.hints,
    processorTime: now.processorTime - then.processorTime,
  };
}

/** Counts from the cluster's beginning. A transaction gets a number when it first writes. */
async function readWork(client: Client, postgres: Postgres, database: string): Promise<DatabaseWork> {
  const { rows } = await client.query<Omit<DatabaseWork, "processorTime">>(
    `select
      (select coalesce(sum(calls), 0) from pg_stat_statements join pg_database on oid = dbid
        where datname = $1 and query !~* '^(begin|commit|rollback)')::float8 as statements,
      (select coalesce(sum(calls), 0) from pg_stat_statements join pg_database on oid = dbid
        where datname = $1 and query ~ 'pg_notify')::float8 as hints,
      pg_snapshot_xmax(pg_current_snapshot())::text::float8 as commits`,
    [database],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres counted nothing");
  return { ...row, processorTime: processorTimeOfAll(postgres.pid()) };
}

/** Of a process, its children, and those it had, milliseconds. */
function processorTimeOfAll(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  const running = [String(pid), ...children].map(processorTimeOf);
  return running.reduce((sum, time) => sum + time, processorTimeOfEnded(pid));
}

/** Of a process with one thread, milliseconds, to the nanosecond: they run for less than proc(5)'s hundredths. */
function processorTimeOf(pid: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return 0; // it has just ended
  }
}

/** Of the children that a process has had, milliseconds: cutime and cstime of proc(5), in hundredths of a second. */
function processorTimeOfEnded(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
