import type { MessagePort } from "node:worker_threads";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import type { Reply, Statement, Work, WriterData } from "./sqlite-link.ts";

/**
 * The thread that owns the one writing connection. Everything that has queued up while the last commit went to disk
 * goes into the next one: one transaction, a savepoint per atomic, so that a failing atomic fails alone.
 */

/** How many octets of values one commit takes up at most, so that nobody waits for too much of others' work. */
const groupOctets = 8 * 1024 * 1024;
const groupLength = 1000;
const cachedStatements = 300;

type Connection = { db: Database.Database; prepare: (sql: string) => Database.Statement };

const { path }: WriterData = workerData;
let connection: Connection | null = null;

function connect(): Connection {
  const db = new Database(path, { fileMustExist: true, timeout: 5000 });
  db.pragma("journal_mode = WAL");
  // Without this line, better-sqlite3 does not sync on commit, whatever the pragma reads.
  db.pragma("synchronous = FULL");
  db.pragma("journal_size_limit = 67108864");
  // A page that was written several times since is put back into the file once: 16 MB of log instead of 4.
  db.pragma("wal_autocheckpoint = 4000");
  const statements = new Map<string, Database.Statement>();
  return {
    db,
    prepare(sql) {
      const known = statements.get(sql);
      if (known !== undefined) return known;
      const statement = db.prepare(sql);
      if (statements.size >= cachedStatements) statements.clear();
      statements.set(sql, statement);
      return statement;
    },
  };
}

function run({ prepare }: Connection, { sql, params, returns }: Statement): unknown[] {
  const statement = prepare(sql);
  if (returns) return statement.raw().all(...params);
  statement.run(...params);
  return [];
}

function attempt(current: Connection, { id, statements }: Work): Reply {
  current.prepare("savepoint member").run();
  try {
    const rows = statements.map((statement) => run(current, statement));
    current.prepare("release member").run();
    return { id, rows };
  } catch (error) {
    // A full or failing disk makes SQLite roll back the whole transaction by itself.
    if (!current.db.inTransaction) throw error;
    current.prepare("rollback to member").run();
    current.prepare("release member").run();
    return { id, error: describe(error) };
  }
}

function commit(group: Work[]): Reply[] {
  try {
    connection ??= connect();
    connection.prepare("begin immediate").run();
    const current = connection;
    const replies = group.map((work) => attempt(current, work));
    connection.prepare("commit").run();
    return replies;
  } catch (error) {
    abandon();
    return group.map(({ id }) => ({ id, error: describe(error) }));
  }
}

/** After a failure of the whole: the next group starts on a fresh connection, which works once the disk does. */
function abandon(): void {
  try {
    connection?.db.close();
  } finally {
    connection = null;
  }
}

function describe(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: "UNKNOWN", message: "" };
  return { code: "code" in error ? String(error.code) : error.name, message: error.message };
}

function sizeOf({ statements }: Work): number {
  let octets = 0;
  for (const { params } of statements) {
    for (const value of params) if (value instanceof Uint8Array) octets += value.length;
  }
  return octets;
}

function serve(port: MessagePort): void {
  port.on("message", (first: Work | "close") => {
    let message: Work | "close" | undefined = first;
    while (message !== undefined) {
      const group: Work[] = [];
      let octets = 0;
      while (message !== undefined && message !== "close" && octets < groupOctets && group.length < groupLength) {
        group.push(message);
        octets += sizeOf(message);
        message = receiveMessageOnPort(port)?.message;
      }
      if (group.length > 0) port.postMessage(commit(group));
      if (message === "close") {
        abandon();
        port.close();
        return;
      }
    }
  });
}

if (parentPort !== null) serve(parentPort);
