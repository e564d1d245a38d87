import { and, eq, gt, inArray, lt, lte, sql } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { done, groups, ofAccount } from "./handle.ts";
import { prepared } from "./prepared.ts";
import { savePlacements } from "./save-placements.ts";
import type { Store } from "./store.ts";

/** Whatever is placed is over in so many milliseconds after it began (an APPEND takes longest), and can be seen by all. */
const toldMs = 30 * 60_000;

export function intentsRepository(store: Handle): Store["intents"] {
  const { accounts, intents, watches } = store.tables;

  const all = prepared(store, ["accountId", "now"], (db, { accountId, now }) =>
    db
      .select()
      .from(intents)
      .where(and(eq(intents.accountId, accountId), gt(intents.expiresAt, now))),
  );

  const live = prepared(store, ["accountId", "now"], (db, { accountId, now }) =>
    db
      .select()
      .from(intents)
      .where(
        and(
          eq(intents.accountId, accountId),
          eq(intents.kind, "place"),
          eq(intents.settled, false),
          gt(intents.expiresAt, now),
        ),
      ),
  );

  return {
    async insert(intent) {
      await ofAccount(
        store.atomic((db, require) => [
          require(accounts, eq(accounts.id, intent.accountId), "exists"),
          db.insert(intents).values(intent),
        ]),
      );
    },

    live: (accountId, now) => live({ accountId, now }),
    list: (accountId, now) => all({ accountId, now }),

    async settle(id, { source, placed, expiresAt, placements }) {
      const owners = new Set(placements.map((row) => row.accountId));
      await ofAccount(
        store.atomic((db, require) => {
          // The intent last, after what an account's removal locks first.
          const [first, ...more] = [
            ...[...owners].map((owner) => require(accounts, eq(accounts.id, owner), "exists")),
            ...savePlacements(store.tables, db, placements),
            db
              .update(intents)
              .set({ ...(source !== undefined && { source }), placed, expiresAt, settled: true })
              .where(eq(intents.id, id)),
          ] as const;
          return [first, ...more];
        }),
      );
    },

    async remove(ids) {
      const [first, ...more] = groups(ids);
      if (first === undefined) return;
      await done(
        store.atomic((db) => [
          db.delete(intents).where(inArray(intents.id, first)),
          ...more.map((group) => db.delete(intents).where(inArray(intents.id, group))),
        ]),
      );
    },

    async sweep(now) {
      const lookedAt = sql`(select ${watches.lookedAt} from ${watches} where ${watches.accountId} = ${intents.accountId})`;
      const isTold = and(
        eq(intents.kind, "place"),
        eq(intents.settled, true),
        lt(intents.createdAt, sql`${lookedAt} - cast(${toldMs} as integer)`),
      );
      const [expired, told] = await done(
        store.atomic((db) => [
          db.delete(intents).where(lte(intents.expiresAt, now)).returning({ id: intents.id }),
          db.delete(intents).where(isTold).returning({ id: intents.id }),
        ]),
      );
      return expired.length + told.length;
    },
  };
}
