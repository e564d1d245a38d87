import type { Placeholder } from "drizzle-orm";
import { and, asc, eq, gt, isNotNull, isNull, lt } from "drizzle-orm";
import { appendEvents } from "./append-events.ts";
import { removeDeliveries } from "./deliveries.ts";
import type { Db, Handle } from "./handle.ts";
import { done, isRefusal } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { WebhookRow } from "./webhook-rows.ts";
import type { WebhookStore } from "./webhook-store.ts";

/** So many are looked at together for those that a key may see. */
const looksAt = 200;

export function webhooksRepository(store: Handle): WebhookStore {
  const { webhooks, deliveries } = store.tables;

  const ofApp = (appId: string | Placeholder, id: string | Placeholder) =>
    and(eq(webhooks.appId, appId), eq(webhooks.id, id));

  const one = prepared(store, ["appId", "id"], (db, { appId, id }) =>
    db.select().from(webhooks).where(ofApp(appId, id)),
  );
  const byId = prepared(store, ["id"], (db, { id }) => db.select().from(webhooks).where(eq(webhooks.id, id)));

  function page(appId: string, after: string | null, limit: number, onlyBound: boolean): Promise<WebhookRow[]> {
    return store.read((db) =>
      db
        .select()
        .from(webhooks)
        .where(
          and(
            eq(webhooks.appId, appId),
            after === null ? undefined : gt(webhooks.id, after),
            onlyBound ? isNotNull(webhooks.accountIds) : undefined,
          ),
        )
        .orderBy(asc(webhooks.id))
        .limit(limit),
    );
  }

  return {
    async insert(row) {
      await done(store.atomic((db) => [db.insert(webhooks).values(row)]));
    },

    async get(appId, id) {
      const [row] = await one({ appId, id });
      return row ?? null;
    },

    async byId(id) {
      const [row] = await byId({ id });
      return row ?? null;
    },

    async list(appId, { after, limit, within }) {
      if (within === null) return page(appId, after, limit, false);
      const among = new Set(within);
      const rows: WebhookRow[] = [];
      for (let last = after; ;) {
        const looked = await page(appId, last, looksAt, true);
        rows.push(...looked.filter(({ accountIds }) => reachesNoFurther(accountIds ?? [], among)));
        last = looked.at(-1)?.id ?? null;
        if (looked.length < looksAt || rows.length >= limit) return rows.slice(0, limit);
      }
    },

    async update(row, version) {
      // The data key is changed by a rotation of the sealing secret alone, which may be under way.
      const { id, appId, sealedKey: _key, createdAt: _createdAt, failingSince, holdUntil, ...change } = row;
      // What was found out meanwhile stands, unless it is to be forgotten.
      const forgotten = { ...(failingSince === null && { failingSince }), ...(holdUntil === 0 && { holdUntil }) };
      const [written] = await done(
        store.atomic((db) => [
          db
            .update(webhooks)
            .set({ ...change, ...forgotten, version: version + 1 })
            .where(and(ofApp(appId, id), eq(webhooks.version, version)))
            .returning({ id: webhooks.id }),
        ]),
      );
      return written.length > 0;
    },

    async remove(appId, id) {
      // First, so that nothing more is queued for it. What is left where this ends early, or was just being queued, goes with the next sweep.
      const [removed] = await done(
        store.atomic((db) => [db.delete(webhooks).where(ofApp(appId, id)).returning({ id: webhooks.id })]),
      );
      if (removed.length === 0) return false;
      await removeDeliveries(store, eq(deliveries.webhookId, id));
      return true;
    },

    async note({ id, version }, { failingSince, holdUntil }) {
      const since = failingSince === null ? isNotNull(webhooks.failingSince) : isNull(webhooks.failingSince);
      const [first, ...more] = [
        ...(failingSince === undefined ? [] : [{ change: { failingSince }, where: since }]),
        ...(holdUntil === undefined ? [] : [{ change: { holdUntil }, where: lt(webhooks.holdUntil, holdUntil) }]),
      ];
      if (first === undefined) return;
      const write = (db: Db, { change, where }: typeof first) =>
        db
          .update(webhooks)
          .set(change)
          .where(and(eq(webhooks.id, id), eq(webhooks.version, version), where));
      await done(store.atomic((db) => [write(db, first), ...more.map((other) => write(db, other))]));
    },

    async disable({ id, version }, because, now, event) {
      const enabled = and(eq(webhooks.id, id), eq(webhooks.version, version), isNull(webhooks.disabledBecause));
      const results = await store.atomic((db, require) => [
        require(webhooks, enabled, "unchanged"),
        db
          .update(webhooks)
          .set({ disabledBecause: because, disabledAt: now, updatedAt: now, version: version + 1 })
          .where(eq(webhooks.id, id)),
        ...appendEvents(store, db, [event]),
      ]);
      return !isRefusal(results);
    },

    sealedKeys({ after, limit }) {
      return store.read((db) =>
        db
          .select({ id: webhooks.id, appId: webhooks.appId, sealedKey: webhooks.sealedKey })
          .from(webhooks)
          .where(after === null ? undefined : gt(webhooks.id, after))
          .orderBy(asc(webhooks.id))
          .limit(limit),
      );
    },

    async rewrap(id, before, sealedKey) {
      await done(
        store.atomic((db) => [
          db
            .update(webhooks)
            .set({ sealedKey })
            .where(and(eq(webhooks.id, id), eq(webhooks.sealedKey, before))),
        ]),
      );
    },
  };
}

function reachesNoFurther(accountIds: string[], among: Set<string>): boolean {
  return accountIds.length > 0 && accountIds.every((id) => among.has(id));
}
