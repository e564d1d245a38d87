import { and, eq, inArray } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { groups, ofAccount } from "./handle.ts";
import { prepared, preparedAmong } from "./prepared.ts";
import type { Store } from "./store.ts";

export function splitKeysRepository(store: Handle): Store["splitKeys"] {
  const { accounts, splitKeys } = store.tables;

  const among = preparedAmong(store, ["accountId"], (db, { accountId }, keys) =>
    db
      .select({ key: splitKeys.key })
      .from(splitKeys)
      .where(and(eq(splitKeys.accountId, accountId), inArray(splitKeys.key, keys))),
  );

  const all = prepared(store, ["accountId"], (db, { accountId }) =>
    db.select({ key: splitKeys.key }).from(splitKeys).where(eq(splitKeys.accountId, accountId)),
  );

  return {
    async among(accountId, keys) {
      const found = await among({ accountId }, new Set(keys));
      return new Set(found.map(({ key }) => key));
    },

    async all(accountId) {
      return new Set((await all({ accountId })).map(({ key }) => key));
    },

    async add(accountId, keys) {
      if (keys.length === 0) return;
      await ofAccount(
        store.atomic((db, require) => [
          require(accounts, eq(accounts.id, accountId), "exists"),
          ...groups(keys, 2).map((group) =>
            db
              .insert(splitKeys)
              .values(group.map((key) => ({ accountId, key })))
              .onConflictDoNothing(),
          ),
        ]),
      );
    },
  };
}
