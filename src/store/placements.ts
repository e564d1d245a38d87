import type { SQL } from "drizzle-orm";
import { and, eq, inArray, sql } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import type { Origin } from "../mail/id.ts";
import type { Handle } from "./handle.ts";
import { done, groups, ofAccount } from "./handle.ts";
import type { PlacementRow } from "./rows.ts";
import type { Store } from "./store.ts";

type PlaceColumns = { folder: SQLiteColumn; uidValidity: SQLiteColumn; uid: SQLiteColumn };

export function placementsRepository(store: Handle): Store["placements"] {
  const { accounts, placements } = store.tables;
  const origin = {
    folder: placements.originFolder,
    uidValidity: placements.originUidValidity,
    uid: placements.originUid,
  };
  const now = { folder: placements.nowFolder, uidValidity: placements.nowUidValidity, uid: placements.nowUid };

  async function select(accountId: string, columns: PlaceColumns, places: Origin[]): Promise<PlacementRow[]> {
    const pages = await Promise.all(
      conditions(columns, places).map((among) =>
        store.read((db) =>
          db
            .select({ accountId: placements.accountId, origin, now })
            .from(placements)
            .where(and(eq(placements.accountId, accountId), among)),
        ),
      ),
    );
    return pages.flat();
  }

  return {
    find: (accountId, origins) => select(accountId, origin, origins),
    at: (accountId, places) => select(accountId, now, places),

    async save(rows) {
      const last = new Map(rows.map((row) => [JSON.stringify([row.accountId, row.origin]), row]));
      const values = [...last.values()].map((row) => ({
        accountId: row.accountId,
        originFolder: row.origin.folder,
        originUidValidity: row.origin.uidValidity,
        originUid: row.origin.uid,
        nowFolder: row.now.folder,
        nowUidValidity: row.now.uidValidity,
        nowUid: row.now.uid,
      }));
      const [first, ...more] = new Set(rows.map((row) => row.accountId));
      if (first === undefined) return;
      await ofAccount(
        store.atomic((db, require) => [
          require(accounts, eq(accounts.id, first), "exists"),
          ...more.map((id) => require(accounts, eq(accounts.id, id), "exists")),
          ...groups(values, 7).map((group) =>
            db
              .insert(placements)
              .values(group)
              .onConflictDoUpdate({
                target: [placements.accountId, origin.folder, origin.uidValidity, origin.uid],
                set: {
                  nowFolder: sql`excluded.now_folder`,
                  nowUidValidity: sql`excluded.now_uid_validity`,
                  nowUid: sql`excluded.now_uid`,
                },
              }),
          ),
        ]),
      );
    },

    async remove(row) {
      const [from] = conditions(origin, [row.origin]);
      const [to] = conditions(now, [row.now]);
      await done(
        store.atomic((db) => [db.delete(placements).where(and(eq(placements.accountId, row.accountId), from, to))]),
      );
    },
  };
}

/** One condition per folder, UIDVALIDITY and group of UIDs. */
function conditions(columns: PlaceColumns, places: Origin[]): (SQL | undefined)[] {
  const byFolder = Map.groupBy(places, ({ folder, uidValidity }) => `${folder} ${uidValidity}`);
  return [...byFolder.values()].flatMap((together) =>
    groups(new Set(together.map(({ uid }) => uid))).map((uids) =>
      and(
        eq(columns.folder, together[0]?.folder),
        eq(columns.uidValidity, together[0]?.uidValidity),
        inArray(columns.uid, uids),
      ),
    ),
  );
}
