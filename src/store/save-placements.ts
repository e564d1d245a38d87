import { sql } from "drizzle-orm";
import type { Db, Handle, Query } from "./handle.ts";
import { groups } from "./handle.ts";
import type { PlacementRow } from "./rows.ts";

/** The queries that insert the rows, or replace those of the same origin; for accounts that the atomic requires to exist. */
export function savePlacements({ placements }: Handle["tables"], db: Db, rows: PlacementRow[]): Query[] {
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
  const { accountId, originFolder, originUidValidity, originUid } = placements;
  return groups(values, 7).map((group) =>
    db
      .insert(placements)
      .values(group)
      .onConflictDoUpdate({
        target: [accountId, originFolder, originUidValidity, originUid],
        set: {
          nowFolder: sql`excluded.now_folder`,
          nowUidValidity: sql`excluded.now_uid_validity`,
          nowUid: sql`excluded.now_uid`,
        },
      }),
  );
}
