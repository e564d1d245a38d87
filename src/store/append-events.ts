import { eq, getTableColumns, sql } from "drizzle-orm";
import { folderRoles } from "../mail/folder.ts";
import type { Dialect } from "./dialect.ts";
import { bound } from "./bound.ts";
import { bySize, charactersOf, givenRows } from "./given.ts";
import type { Db, Handle, Query } from "./handle.ts";
import type { NewEvent } from "./rows.ts";

/**
 * The queries that append events to their apps' logs, in this order, and queue them for the webhooks that ask for them, as the last
 * ones of an atomic: the app's counter is locked by them until that ends. A number is the counter after the bump, less how many of
 * the app's events come after it (DESIGN §3).
 */
export function appendEvents(store: Pick<Handle, "tables" | "dialect">, db: Db, added: NewEvent[]): Query[] {
  const { apps, events } = store.tables;
  const { sequence: _sequence, ...columns } = getTableColumns(events);
  const named = givenRows(columns, { events_after: "bigint" });
  const byApp = [...Map.groupBy(added, ({ appId }) => appId)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return byApp.flatMap(([appId, ofApp]) => {
    const given = ofApp.map((event, at) => named.of(event, { events_after: ofApp.length - 1 - at }));
    const newest = sql`(select ${apps.lastSequence} from ${apps} where ${apps.id} = ${appId})`;
    return [
      db
        .update(apps)
        .set({ lastSequence: sql`${apps.lastSequence} + ${ofApp.length}` })
        .where(eq(apps.id, appId)),
      ...bySize(given, charactersOf).map((some) =>
        db.insert(events).select(
          // The columns in the table's order.
          sql`select given.id, given.app_id, given.account_id, given.external_id, ${newest} - given.events_after,
              given.type, given.created_at, given.data, given.folder_roles
            from ${named.from(store.dialect, some)}`,
        ),
      ),
      queueDeliveries(store, db, appId, ofApp.length),
    ];
  });
}

/**
 * A delivery of each of the app's `count` newest events to each of its webhooks that are enabled and ask for it. They are the events
 * that were just inserted: nobody else can append to the log before the atomic ends. Webhooks come first (SQLite keeps the order of a
 * cross join), so that an app without any has no event looked at.
 */
function queueDeliveries(
  { tables, dialect }: Pick<Handle, "tables" | "dialect">,
  db: Db,
  appId: string,
  count: number,
) {
  const newest = sql`(select last_sequence from apps where id = ${appId})`;
  return db.insert(tables.deliveries).select(
    // The columns in the table's order. The id begins with the event's time.
    sql`select 'dlv_' || substr(events.id, 5, 10) || ${sql.raw(dialect.randomHex)}, events.app_id, webhooks.id,
        events.account_id, events.id, events.type, null, 'pending', 0, 0, '[]', events.created_at, events.created_at, null,
        null, 0, 0, 0
      from webhooks cross join events
      where webhooks.app_id = ${bound(appId)} and webhooks.disabled_because is null
        and events.app_id = ${bound(appId)} and events.sequence <= ${newest} and events.sequence > ${newest} - cast(${count} as integer)
        and ${sql.raw(asksFor(dialect))}`,
  );
}

/** That a webhook asks for an event. */
function asksFor({ contains }: Dialect): string {
  const names = (tags: string, word: string) => contains(tags, `'|' || ${word} || '|'`);
  const anyRole = folderRoles.map(
    (role) => `${names("webhooks.folder_roles", `'${role}'`)} and ${names("events.folder_roles", `'${role}'`)}`,
  );
  return `(webhooks.types is null or ${names("webhooks.types", "events.type")})
        and (webhooks.account_ids is null or ${names("webhooks.account_ids", "events.account_id")})
        and (webhooks.folder_roles is null or events.folder_roles is null or ${anyRole.join(" or ")})`;
}
