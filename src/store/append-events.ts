import { eq, sql } from "drizzle-orm";
import type { Db, Handle, Query } from "./handle.ts";
import { groups } from "./handle.ts";
import type { NewEvent } from "./rows.ts";

/**
 * The queries that append events to their apps' logs, in this order, as the last ones of an atomic: the app's counter is locked by
 * them until that ends. A number is the counter after the bump, less how many of the app's events come after it (DESIGN §3).
 */
export function appendEvents({ apps, events }: Handle["tables"], db: Db, added: NewEvent[]): Query[] {
  const byApp = [...Map.groupBy(added, ({ appId }) => appId)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return byApp.flatMap(([appId, ofApp]) => {
    const rows = ofApp.map((event, at) => {
      const eventsAfter = ofApp.length - 1 - at;
      const sequence = sql`(select ${apps.lastSequence} - cast(${eventsAfter} as integer) from ${apps} where ${apps.id} = ${appId})`;
      return { ...event, sequence };
    });
    return [
      db
        .update(apps)
        .set({ lastSequence: sql`${apps.lastSequence} + ${ofApp.length}` })
        .where(eq(apps.id, appId)),
      ...groups(rows, 9).map((group) => db.insert(events).values(group)),
    ];
  });
}
