import { and, asc, eq, inArray, sql } from "drizzle-orm";
import { Failure } from "../errors.ts";
import { appendEvents } from "./append-events.ts";
import type { Db, Handle, Query } from "./handle.ts";
import { groups, ofAccount } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { FolderRow } from "./rows.ts";
import type { Store } from "./store.ts";

export function foldersRepository(store: Handle): Store["folders"] {
  const { accounts, folders, placements } = store.tables;

  const ofOne = prepared(store, ["accountId"], (db, { accountId }) =>
    db.select().from(folders).where(eq(folders.accountId, accountId)).orderBy(asc(folders.number)),
  );
  const versionOf = prepared(store, ["accountId"], (db, { accountId }) =>
    db.select({ version: accounts.foldersVersion }).from(accounts).where(eq(accounts.id, accountId)),
  );
  const list = (accountId: string): Promise<FolderRow[]> => ofOne({ accountId });

  /** A number is the counter after the bump, less how many of this save come after it. */
  function insert(db: Db, row: Omit<FolderRow, "number">, rowsAfter: number): Query {
    const number = sql`(select ${accounts.lastFolderNumber} - cast(${rowsAfter} as integer) from ${accounts} where ${accounts.id} = ${row.accountId})`;
    return db
      .insert(folders)
      .values({ ...row, number })
      .onConflictDoNothing({ target: [folders.accountId, folders.path] });
  }

  /** Paths may be swapped among the rows: all leave their path before any takes its new one. */
  function leavePaths(db: Db, accountId: string, changed: FolderRow[]): Query[] {
    return groups(changed).map((rows) =>
      db
        .update(folders)
        .set({ path: sql`${folders.id}` })
        .where(
          and(
            eq(folders.accountId, accountId),
            inArray(
              folders.id,
              rows.map((row) => row.id),
            ),
          ),
        ),
    );
  }

  function update(db: Db, accountId: string, row: FolderRow): Query {
    const { id, accountId: _accountId, number: _number, ...change } = row;
    return db
      .update(folders)
      .set(change)
      .where(and(eq(folders.accountId, accountId), eq(folders.id, id)));
  }

  /** The rows, and what remembers messages in them: ids that name those are gone. */
  function remove(db: Db, accountId: string, ids: string[]): Query[] {
    return groups(ids).flatMap((some) => {
      const removed = and(eq(folders.accountId, accountId), inArray(folders.id, some));
      const numbers = db.select({ number: folders.number }).from(folders).where(removed);
      return [
        db.delete(placements).where(and(eq(placements.accountId, accountId), inArray(placements.nowFolder, numbers))),
        db.delete(folders).where(removed),
      ];
    });
  }

  return {
    list,

    async get(accountId, id) {
      const [row] = await store.read((db) =>
        db
          .select()
          .from(folders)
          .where(and(eq(folders.accountId, accountId), eq(folders.id, id))),
      );
      return row ?? null;
    },

    async version(accountId) {
      const [row] = await versionOf({ accountId });
      if (row === undefined) throw new Failure("not-found", "The account is gone.");
      return row.version;
    },

    async save(accountId, { added, changed, removed = [], told }) {
      const stands = told && eq(accounts.foldersVersion, told.version);
      const write = (changes: FolderRow[]) =>
        store.atomic((db, require) => [
          require(accounts, and(eq(accounts.id, accountId), stands), "unchanged"),
          db
            .update(accounts)
            .set({
              lastFolderNumber: sql`${accounts.lastFolderNumber} + ${added.length}`,
              foldersVersion: sql`${accounts.foldersVersion} + 1`,
            })
            .where(eq(accounts.id, accountId)),
          ...remove(db, accountId, removed),
          ...leavePaths(db, accountId, changes),
          ...changes.map((row) => update(db, accountId, row)),
          ...added.map((row, index) => insert(db, row, added.length - 1 - index)),
          ...appendEvents(store, db, told?.events ?? []),
        ]);

      let results = await write(changed);
      for (let tries = 0; results === "taken" && tries < 3; tries += 1) {
        const standing = (await list(accountId)).filter(({ id }) => !removed.includes(id));
        results = await write(withFreePaths(changed, standing));
      }
      if (told !== undefined && results === "refused") return false;
      await ofAccount(Promise.resolve(results));
      return true;
    },
  };
}

/** Without the rows whose new path is another's that stays where it is. */
function withFreePaths(changed: FolderRow[], standing: FolderRow[]): FolderRow[] {
  const holders = new Map(standing.map((row) => [row.path, row.id]));
  for (let rows = changed; ;) {
    const moving = new Set(rows.map((row) => row.id));
    const free = rows.filter((row) => moving.has(holders.get(row.path) ?? row.id));
    if (free.length === rows.length) return free;
    rows = free;
  }
}
