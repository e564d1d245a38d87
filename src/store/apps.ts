import { asc, eq, getTableColumns, gt } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { done } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { Store } from "./store.ts";

export function appsRepository(store: Handle): Store["apps"] {
  const { apps } = store.tables;
  const { lastSequence: _, ...columns } = getTableColumns(apps);

  const get = prepared(store, ["id"], (db, { id }) => db.select(columns).from(apps).where(eq(apps.id, id)));

  return {
    async insert(app) {
      await done(store.atomic((db) => [db.insert(apps).values({ ...app, lastSequence: 0 })]));
    },

    async get(id) {
      const [row] = await get({ id });
      return row ?? null;
    },

    list({ after, limit }) {
      return store.read((db) =>
        db
          .select(columns)
          .from(apps)
          .where(after === null ? undefined : gt(apps.id, after))
          .orderBy(asc(apps.id))
          .limit(limit),
      );
    },
  };
}
