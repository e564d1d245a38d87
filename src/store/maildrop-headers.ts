import { and, asc, count, eq, gt, inArray, sql } from "drizzle-orm";
import type { KeptHeader, MaildropKey } from "../mail/maildrop.ts";
import { canKeep, maildropKeyText, maxKeptHeaderOctets, maxKeptHeaders } from "../mail/maildrop.ts";
import type { Db, Handle, Query } from "./handle.ts";
import { groups, ofAccount } from "./handle.ts";
import { prepared, preparedAmong } from "./prepared.ts";

/** Rows that one page has at most. */
const pageLength = 2_000;

/** The rows of `maildrop_headers`: the cache itself, and what `maildrops.ts` needs to keep it small. */
export function keptHeaders(store: Handle) {
  const { accounts, maildropHeaders: rows } = store.tables;

  const among = preparedAmong(store, ["accountId"], (db, { accountId }, keys) =>
    db
      .select({ key: rows.key, size: rows.size, header: rows.header })
      .from(rows)
      .where(and(eq(rows.accountId, accountId), inArray(rows.key, keys))),
  );
  const standing = preparedAmong(store, ["accountId"], (db, { accountId }, keys) =>
    db
      .select({ key: rows.key })
      .from(rows)
      .where(and(eq(rows.accountId, accountId), inArray(rows.key, keys))),
  );
  const counted = prepared(store, ["accountId"], (db, { accountId }) =>
    db.select({ rows: count() }).from(rows).where(eq(rows.accountId, accountId)),
  );
  const keysOf = prepared(store, ["accountId", "after"], (db, { accountId, after }) =>
    db
      .select({ key: rows.key })
      .from(rows)
      .where(and(eq(rows.accountId, accountId), gt(rows.key, after)))
      .orderBy(asc(rows.key))
      .limit(pageLength),
  );

  return {
    async get(accountId: string, keys: MaildropKey[]): Promise<Map<string, KeptHeader>> {
      const asked = new Map(keys.filter(canKeep).map((key) => [maildropKeyText(key), key]));
      const found = await among({ accountId }, asked.keys());
      return new Map(
        found.flatMap(({ key: text, header, size }) => {
          const key = asked.get(text);
          return key === undefined ? [] : [[text, { key, header, size }]];
        }),
      );
    },

    /** False when some were not kept because there is no room for them. */
    async put(accountId: string, headers: KeptHeader[]): Promise<boolean> {
      const fit = headers.filter(({ key, header }) => canKeep(key) && header.length <= maxKeptHeaderOctets);
      const distinct = new Map(fit.map(({ key, header, size }) => [maildropKeyText(key), { header, size }]));
      if (distinct.size === 0) return true;
      const [[total], replaced] = await Promise.all([counted({ accountId }), standing({ accountId }, distinct.keys())]);
      const old = new Set(replaced.map(({ key }) => key));
      let room = maxKeptHeaders - (total?.rows ?? 0);
      const values = [...distinct]
        .filter(([key]) => old.has(key) || (room -= 1) >= 0)
        .map(([key, kept]) => ({ accountId, key, ...kept }));
      for (const some of groups(values)) {
        await ofAccount(
          store.atomic((db, require) => [
            require(accounts, eq(accounts.id, accountId), "exists"),
            ...groups(some, 4).map((group) =>
              db
                .insert(rows)
                .values(group)
                .onConflictDoUpdate({
                  target: [rows.accountId, rows.key],
                  set: { size: sql`excluded.size`, header: sql`excluded.header` },
                }),
            ),
          ]),
        );
      }
      return values.length === distinct.size;
    },

    /** The keys that something is kept under, a page of them ascending from `after`; from "" on. */
    keys: (accountId: string, after: string) => keysOf({ accountId, after }),

    /** Forgets what is kept under up to 90 keys. */
    remove: (db: Db, accountId: string, keys: string[]): Query =>
      db.delete(rows).where(and(eq(rows.accountId, accountId), inArray(rows.key, keys))),
  };
}
