import type { SQL } from "drizzle-orm";
import { and, eq, inArray, or } from "drizzle-orm";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import type { Origin } from "../mail/id.ts";
import type { Handle } from "./handle.ts";
import { done, groups, ofAccount } from "./handle.ts";
import { preparedAmong } from "./prepared.ts";
import type { PlacementRow } from "./rows.ts";
import { savePlacements } from "./save-placements.ts";
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

  /** The rows whose place in `columns` is one of `places`. */
  function selectBy(columns: PlaceColumns) {
    const inFolder = preparedAmong(
      store,
      ["accountId", "folder", "uidValidity"],
      (db, { accountId, folder, uidValidity }, uids) =>
        db
          .select({ accountId: placements.accountId, origin, now })
          .from(placements)
          .where(
            and(
              eq(placements.accountId, accountId),
              eq(columns.folder, folder),
              eq(columns.uidValidity, uidValidity),
              inArray(columns.uid, uids),
            ),
          ),
    );
    return async (accountId: string, places: Origin[]): Promise<PlacementRow[]> => {
      const byFolder = Map.groupBy(places, ({ folder, uidValidity }) => `${folder} ${uidValidity}`);
      const found = [...byFolder.values()].map(async (together) => {
        const [first] = together;
        if (first === undefined) return [];
        const { folder, uidValidity } = first;
        return inFolder({ accountId, folder, uidValidity }, new Set(together.map(({ uid }) => uid)));
      });
      return (await Promise.all(found)).flat();
    };
  }

  return {
    find: selectBy(origin),
    at: selectBy(now),

    async save(rows) {
      const [first, ...more] = new Set(rows.map((row) => row.accountId));
      if (first === undefined) return;
      await ofAccount(
        store.atomic((db, require) => [
          require(accounts, eq(accounts.id, first), "exists"),
          ...more.map((id) => require(accounts, eq(accounts.id, id), "exists")),
          ...savePlacements(store.tables, db, rows),
        ]),
      );
    },

    async remove(...rows) {
      const [first, ...more] = groups(rows, 7).flatMap(
        (group) =>
          or(
            ...group.map((row) =>
              and(eq(placements.accountId, row.accountId), is(origin, row.origin), is(now, row.now)),
            ),
          ) ?? [],
      );
      if (first === undefined) return;
      await done(
        store.atomic((db) => [
          db.delete(placements).where(first),
          ...more.map((some) => db.delete(placements).where(some)),
        ]),
      );
    },
  };
}

function is(columns: PlaceColumns, place: Origin): SQL | undefined {
  return and(eq(columns.folder, place.folder), eq(columns.uidValidity, place.uidValidity), eq(columns.uid, place.uid));
}
