import { and, asc, eq, gt } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { done } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { Store } from "./store.ts";

export function keysRepository(store: Handle): Store["keys"] {
  const { keys } = store.tables;

  const byHash = prepared(store, ["hash"], (db, { hash }) => db.select().from(keys).where(eq(keys.hash, hash)));
  const get = prepared(store, ["appId", "id"], (db, { appId, id }) =>
    db
      .select()
      .from(keys)
      .where(and(eq(keys.appId, appId), eq(keys.id, id))),
  );

  return {
    async insert(key) {
      await done(store.atomic((db) => [db.insert(keys).values(key)]));
    },

    async byHash(hash) {
      const [row] = await byHash({ hash });
      return row ?? null;
    },

    async get(appId, id) {
      const [row] = await get({ appId, id });
      return row ?? null;
    },

    list(appId, { after, limit }) {
      return store.read((db) =>
        db
          .select()
          .from(keys)
          .where(and(eq(keys.appId, appId), after === null ? undefined : gt(keys.id, after)))
          .orderBy(asc(keys.id))
          .limit(limit),
      );
    },

    async remove(appId, id) {
      const [removed] = await done(
        store.atomic((db) => [
          db
            .delete(keys)
            .where(and(eq(keys.appId, appId), eq(keys.id, id)))
            .returning({ id: keys.id }),
        ]),
      );
      return removed.length > 0;
    },
  };
}
