import { and, asc, eq, inArray, sql } from "drizzle-orm";
import { appendEvents } from "./append-events.ts";
import { changeThreads, everyUid } from "./change-threads.ts";
import { claimWatchesRepository } from "./claim-watches.ts";
import type { Db, Handle, Query, Require } from "./handle.ts";
import { groups, isRefusal } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { HeldRow, WatchFolderRow } from "./rows.ts";
import type { Store, WatchChange } from "./store.ts";

export function watchesRepository(store: Handle): Store["watches"] {
  const { watches, watchFolders, folderSnapshots, heldKeys, placements } = store.tables;

  const one = prepared(store, ["accountId"], (db, { accountId }) =>
    db.select().from(watches).where(eq(watches.accountId, accountId)),
  );
  const foldersOf = prepared(store, ["accountId"], (db, { accountId }) =>
    db.select().from(watchFolders).where(eq(watchFolders.accountId, accountId)).orderBy(asc(watchFolders.folder)),
  );
  const chunksOf = prepared(store, ["accountId", "folder"], (db, { accountId, folder }) =>
    db
      .select({ n: folderSnapshots.n, entries: folderSnapshots.entries })
      .from(folderSnapshots)
      .where(and(eq(folderSnapshots.accountId, accountId), eq(folderSnapshots.folder, folder)))
      .orderBy(asc(folderSnapshots.n)),
  );
  const heldOf = prepared(store, ["accountId"], (db, { accountId }) =>
    db.select().from(heldKeys).where(eq(heldKeys.accountId, accountId)).orderBy(asc(heldKeys.key)),
  );

  function unwatch(db: Db, accountId: string, numbers: number[]): Query[] {
    return groups(numbers).flatMap((some) =>
      [watchFolders, folderSnapshots].map((table) =>
        db.delete(table).where(and(eq(table.accountId, accountId), inArray(table.folder, some))),
      ),
    );
  }

  /** Those of version 1 are "taken" where one stands. */
  function putFolders(db: Db, require: Require, accountId: string, rows: WatchFolderRow[]): Query[] {
    const added = rows.filter(({ version }) => version === 1).map((row) => ({ ...row, accountId }));
    const changed = rows.filter(({ version }) => version !== 1);
    return [
      ...groups(added, 13).map((group) => db.insert(watchFolders).values(group)),
      ...changed.flatMap(({ accountId: _accountId, folder, version, ...change }) => {
        const itself = and(eq(watchFolders.accountId, accountId), eq(watchFolders.folder, folder));
        return [
          require(watchFolders, and(itself, eq(watchFolders.version, version - 1)), "unchanged"),
          db
            .update(watchFolders)
            .set({ ...change, version })
            .where(itself),
        ];
      }),
    ];
  }

  function putChunks(db: Db, accountId: string, change: NonNullable<WatchChange["chunks"]>): Query[] {
    const { folder, clear, put, remove } = change;
    const ofFolder = and(eq(folderSnapshots.accountId, accountId), eq(folderSnapshots.folder, folder));
    return [
      ...(clear ? [db.delete(folderSnapshots).where(ofFolder)] : []),
      ...groups(remove).map((some) =>
        db.delete(folderSnapshots).where(and(ofFolder, inArray(folderSnapshots.n, some))),
      ),
      // One chunk in a query: they are large.
      ...put.map(({ n, entries }) =>
        db
          .insert(folderSnapshots)
          .values({ accountId, folder, n, entries })
          .onConflictDoUpdate({
            target: [folderSnapshots.accountId, folderSnapshots.folder, folderSnapshots.n],
            set: { entries: sql`excluded.entries` },
          }),
      ),
    ];
  }

  function putHeld(db: Db, accountId: string, { put, remove }: { put: HeldRow[]; remove: string[] }): Query[] {
    const last = new Map(put.map((row) => [row.key, { ...row, accountId }]));
    return [
      ...groups(remove).map((keys) =>
        db.delete(heldKeys).where(and(eq(heldKeys.accountId, accountId), inArray(heldKeys.key, keys))),
      ),
      ...groups(last.values(), 7).map((group) =>
        db
          .insert(heldKeys)
          .values(group)
          .onConflictDoUpdate({
            target: [heldKeys.accountId, heldKeys.key],
            set: {
              folder: sql`excluded.folder`,
              uidValidity: sql`excluded.uid_validity`,
              uid: sql`excluded.uid`,
              since: sql`excluded.since`,
              waitsFor: sql`excluded.waits_for`,
            },
          }),
      ),
    ];
  }

  /** What is known of threads in folders that nothing is known of any more goes as well. */
  function putThreads(db: Db, accountId: string, change: WatchChange): Query[] {
    const { unwatched = [], chunks, threads, at = 0 } = change;
    const forgotten = [...unwatched, ...(chunks?.clear === true ? [chunks.folder] : [])];
    if (forgotten.length === 0 && threads === undefined) return [];
    const { remove = [], merges = [], links = [], put = [] } = threads ?? {};
    const all = forgotten.map((folder) => ({ folder, uids: [], below: everyUid }));
    return changeThreads(store, db, accountId, { remove: [...all, ...remove], merges, links, put }, at);
  }

  function forgetPlacements(db: Db, accountId: string, remove: { folder: number; uidValidity: number; uid: number }[]) {
    const byFolder = Map.groupBy(remove, ({ folder, uidValidity }) => `${folder} ${uidValidity}`);
    return [...byFolder.values()].flatMap((together) =>
      groups(together).flatMap((some) => {
        const [first] = some;
        if (first === undefined) return [];
        const inFolder = and(
          eq(placements.accountId, accountId),
          eq(placements.nowFolder, first.folder),
          eq(placements.nowUidValidity, first.uidValidity),
          inArray(
            placements.nowUid,
            some.map(({ uid }) => uid),
          ),
        );
        return [db.delete(placements).where(inFolder)];
      }),
    );
  }

  return {
    ...claimWatchesRepository(store),

    async get(accountId) {
      const [row] = await one({ accountId });
      return row ?? null;
    },

    folders: (accountId) => foldersOf({ accountId }),
    chunks: (accountId, folder) => chunksOf({ accountId, folder }),
    held: (accountId) => heldOf({ accountId }),

    async write({ id, epoch }, change) {
      const { folders = [], unwatched = [], chunks, held, placements: places, events = [] } = change;
      const results = await store.atomic((db, require) => [
        // Locks the account's row on Postgres: the writes of one account come one after another, before its removal or not at all.
        require(watches, and(eq(watches.accountId, id), eq(watches.epoch, epoch)), "unchanged"),
        ...unwatch(db, id, unwatched),
        ...putFolders(db, require, id, folders),
        ...(chunks === undefined ? [] : putChunks(db, id, chunks)),
        ...(held === undefined ? [] : putHeld(db, id, held)),
        ...(places === undefined ? [] : forgetPlacements(db, id, places.remove)),
        ...putThreads(db, id, change),
        ...appendEvents(store, db, events),
      ]);
      return !isRefusal(results);
    },
  };
}
