import { and, eq, gt, inArray, lte } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { done, groups, ofAccount } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { Store } from "./store.ts";

export function intentsRepository(store: Handle): Store["intents"] {
  const { accounts, intents } = store.tables;

  const live = prepared(store, ["accountId", "now"], (db, { accountId, now }) =>
    db
      .select()
      .from(intents)
      .where(and(eq(intents.accountId, accountId), gt(intents.expiresAt, now))),
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
      const [removed] = await done(
        store.atomic((db) => [db.delete(intents).where(lte(intents.expiresAt, now)).returning({ id: intents.id })]),
      );
      return removed.length;
    },
  };
}
