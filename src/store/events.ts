import { and, asc, eq, gt, gte, inArray, isNotNull, lt, lte, sql } from "drizzle-orm";
import { eventTypes } from "../mail/event.ts";
import type { Handle } from "./handle.ts";
import { done, groups } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { EventRow } from "./rows.ts";
import type { Store } from "./store.ts";

const sweptAtOnce = 1_000;

export function eventsRepository(store: Handle): Store["events"] {
  const { apps, events } = store.tables;

  const bounds = prepared(store, ["appId"], (db, { appId }) =>
    db
      .select({
        newest: apps.lastSequence,
        oldest: sql`(select min(kept.sequence) from ${events} as kept where kept.app_id = ${apps}.id)`.mapWith(
          events.sequence,
        ),
      })
      .from(apps)
      .where(eq(apps.id, appId)),
  );

  const place = prepared(store, ["appId", "id"], (db, { appId, id }) =>
    db
      .select({ sequence: events.sequence })
      .from(events)
      .where(and(eq(events.appId, appId), eq(events.id, id))),
  );

  async function boundsOf(appId: string): Promise<{ newest: number; oldest: number | null }> {
    const [row] = await bounds({ appId });
    return row ?? { newest: 0, oldest: null };
  }

  /** From the lowest on, so that what is left is always the log's end. */
  async function sweepBelow(appId: string, sequence: number): Promise<number> {
    const below = and(eq(events.appId, appId), lt(events.sequence, sequence));
    for (let swept = 0; ;) {
      const [removed] = await done(
        store.atomic((db) => {
          const lowest = db.select({ id: events.id }).from(events).where(below);
          return [
            db
              .delete(events)
              .where(inArray(events.id, lowest.orderBy(asc(events.sequence)).limit(sweptAtOnce)))
              .returning({ id: events.id }),
          ];
        }),
      );
      swept += removed.length;
      if (removed.length < sweptAtOnce) return swept;
    }
  }

  return {
    async list(appId, { after, limit, types, accountIds }) {
      const wanted = and(
        eq(events.appId, appId),
        gt(events.sequence, after),
        isNotNull(events.data),
        types === null
          ? undefined
          : inArray(
              events.type,
              eventTypes.filter((type) => types.includes(type)),
            ),
      );
      const page = (among: string[] | null, newest: number | null): Promise<EventRow[]> =>
        store.read((db) =>
          db
            .select()
            .from(events)
            .where(
              and(
                wanted,
                among === null ? undefined : inArray(events.accountId, among),
                newest === null ? undefined : lte(events.sequence, newest),
              ),
            )
            .orderBy(asc(events.sequence))
            .limit(limit),
        );
      if (accountIds === null) return page(null, null);
      // The groups are read one after another: what is appended meanwhile is in none of them, lest some of it be passed over.
      const { newest } = await boundsOf(appId);
      const pages = await Promise.all(groups(new Set(accountIds), 2).map((group) => page(group, newest)));
      return pages
        .flat()
        .toSorted((a, b) => a.sequence - b.sequence)
        .slice(0, limit);
    },

    async sequenceOf(appId, id) {
      const [row] = await place({ appId, id });
      return row?.sequence ?? null;
    },

    bounds: boundsOf,

    async sweep(before) {
      const old = await store.read((db) =>
        db
          .select({ appId: events.appId, newest: sql`max(${events.sequence})`.mapWith(events.sequence) })
          .from(events)
          .where(lt(events.createdAt, before))
          .groupBy(events.appId),
      );
      let swept = 0;
      for (const { appId, newest } of old) {
        const [kept] = await store.read((db) =>
          db
            .select({ sequence: events.sequence })
            .from(events)
            .where(and(eq(events.appId, appId), gte(events.createdAt, before)))
            .orderBy(asc(events.sequence))
            .limit(1),
        );
        swept += await sweepBelow(appId, Math.min(newest + 1, kept?.sequence ?? Infinity));
      }
      return swept;
    },
  };
}
