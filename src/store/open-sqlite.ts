import { chmodSync, closeSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { drizzle } from "drizzle-orm/sqlite-proxy";
import { Failure } from "../errors.ts";
import { sqliteDialect as dialect } from "./dialect.ts";
import { rootOf, sqliteMeaning, storageFailure } from "./failures.ts";
import type { Handle, Refusal } from "./handle.ts";
import { requireWith } from "./handle.ts";
import { migrateSqlite } from "./migrate-sqlite.ts";
import { readMigrations } from "./migrations.ts";
import { sqliteTables as tables } from "./tables.sqlite.ts";
import { startWriter } from "./sqlite-link.ts";

const cachedStatements = 300;

/**
 * Opens the database file, made with mode 0600 if it is missing, and migrates it. `path` is a file name.
 * Fails with `storage-unavailable`; not retryable when another process has the file, or a newer Postern has written it.
 */
export function openSqlite(path: string): Handle {
  const file = prepareFile(path);
  const unlock = lock(file);
  try {
    migrate(file);
  } catch (error) {
    unlock();
    throw failureOf(error);
  }
  const writer = startWriter({ path: file });
  const reader = startReader(file);

  async function write(queries: { sql: string; params: unknown[]; method: string }[]) {
    const statements = queries.map(({ sql: text, params, method }) => ({
      sql: text,
      params,
      returns: method !== "run",
    }));
    try {
      return (await writer.write(statements)).map((rows) => ({ rows }));
    } finally {
      // Before anybody hears of the write: who reads then sees it.
      reader.renew();
    }
  }

  const db = drizzle((text, params) => Promise.resolve({ rows: reader.read(text, params) }), write);
  const writing = drizzle(async (text, params, method) => {
    const [result] = await write([{ sql: text, params, method }]);
    return result ?? { rows: [] };
  });
  const require = requireWith(db, tables, dialect);

  return {
    tables,
    dialect,

    async read(build) {
      try {
        return await build(db);
      } catch (error) {
        throw failureOf(error);
      }
    },

    async write(build) {
      try {
        return await build(writing);
      } catch (error) {
        throw failureOf(error);
      }
    },

    async atomic(build) {
      try {
        return await db.batch(build(db, require));
      } catch (error) {
        return refusalOf(error);
      }
    },

    async close() {
      // Last the writer: whoever closes last puts the log back into the file.
      reader.end();
      await writer.close();
      unlock();
    },
  };
}

/** Makes the file where it is missing, for its owner only; SQLite gives the files beside it the same mode. */
function prepareFile(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
    return realpathSync(path);
  } catch (error) {
    throw failureOf(error);
  }
}

/**
 * Takes the lock that makes this process the file's only one: an exclusive transaction on a file beside it, held open.
 * It is the kernel's lock, gone with the process however that ends. Returns what gives it back.
 */
function lock(file: string): () => void {
  const name = `${file}.lock`;
  let holder: Database.Database | null = null;
  try {
    closeSync(openSync(name, "a", 0o600));
    holder = new Database(name, { timeout: 0 });
    holder.exec("begin exclusive");
    const held = holder;
    return () => held.close();
  } catch (cause) {
    holder?.close();
    if (codeOf(cause) !== "SQLITE_BUSY") throw failureOf(cause);
    throw new Failure("storage-unavailable", `Another process uses the database ${file}.`, {
      cause,
      retryable: false,
      fix: "Stop the other process first, or use Postgres for several processes on one database.",
    });
  }
}

function migrate(file: string): void {
  const db = new Database(file);
  try {
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    migrateSqlite(db, readMigrations("sqlite"));
  } finally {
    db.close();
  }
}

/**
 * A connection that only reads; one that fails is opened anew, so that it works again when the disk does. Within one turn of the event
 * loop it reads one state of the database, up to `renew`: at each new state SQLite forgets the pages that it has read.
 */
function startReader(file: string) {
  let db: Database.Database | null = null;
  let ended = false;
  /** The end of the turn, where something was read in it. */
  let turn: NodeJS.Immediate | null = null;
  const statements = new Map<string, Database.Statement<unknown[], unknown[]>>();
  /** What was read of that state: who asks the same is told the same. */
  const told = new Map<string, unknown[][]>();

  function prepare(text: string): Database.Statement<unknown[], unknown[]> {
    const known = statements.get(text);
    if (known !== undefined) return known;
    if (ended) throw storageFailure("unavailable", "CLOSED");
    db ??= new Database(file, { readonly: true, timeout: 5000 });
    const statement = db.prepare<unknown[], unknown[]>(text);
    if (statement.reader) statement.raw();
    if (statements.size >= cachedStatements) statements.clear();
    statements.set(text, statement);
    return statement;
  }

  function read(text: string, params: unknown[]): unknown[][] {
    try {
      if (turn === null) {
        prepare("begin").run();
        turn = setImmediate(renew);
      }
      const asked = `${text} ${JSON.stringify(params)}`;
      const known = told.get(asked);
      if (known !== undefined) return known;
      const rows = prepare(text).all(...params);
      told.set(asked, rows);
      return rows;
    } catch (error) {
      close();
      throw error;
    }
  }

  function renew(): void {
    if (turn === null) return;
    clearImmediate(turn);
    turn = null;
    told.clear();
    try {
      if (db !== null) prepare("commit").run();
    } catch {
      close();
    }
  }

  function close(): void {
    if (turn !== null) clearImmediate(turn);
    turn = null;
    told.clear();
    statements.clear();
    db?.close();
    db = null;
  }

  return {
    read,
    /** What is read from now on is read as it stands now. */
    renew,
    end() {
      ended = true;
      close();
    },
  };
}

function refusalOf(error: unknown): Refusal {
  const meaning = sqliteMeaning(codeOf(error), error instanceof Error ? error.message : "");
  if (meaning === "refused" || meaning === "taken") return meaning;
  throw failureOf(error);
}

function failureOf(error: unknown): Failure {
  const root = rootOf(error);
  if (root instanceof Failure) return root;
  const code = codeOf(root);
  return storageFailure(sqliteMeaning(code, "") === "unavailable" ? "unavailable" : "bug", code);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "UNKNOWN";
  return "code" in error ? String(error.code) : error.name;
}
