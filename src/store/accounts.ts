import { and, asc, eq, getTableColumns, gt, inArray, isNull, sql } from "drizzle-orm";
import type { Handle } from "./handle.ts";
import { done, groups, isRefusal } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { AccountRow } from "./rows.ts";
import type { Store } from "./store.ts";

export function accountsRepository(store: Handle): Store["accounts"] {
  const { accounts, folders, placements, splitKeys, intents, blobs, blobChunks, submissions } = store.tables;
  const { maildropHeaders, maildropFlags } = store.tables;
  const { lastFolderNumber: _, ...columns } = getTableColumns(accounts);

  const byId = prepared(store, ["id"], (db, { id }) => db.select(columns).from(accounts).where(eq(accounts.id, id)));
  const get = prepared(store, ["appId", "id"], (db, { appId, id }) =>
    db
      .select(columns)
      .from(accounts)
      .where(and(eq(accounts.appId, appId), eq(accounts.id, id))),
  );

  return {
    async byId(id) {
      const [row] = await byId({ id });
      return row ?? null;
    },

    async insert(account) {
      const [inserted] = await done(
        store.atomic((db) => [
          db
            .insert(accounts)
            .values({ ...account, lastFolderNumber: 0 })
            .onConflictDoNothing({ target: [accounts.appId, accounts.externalId] })
            .returning({ id: accounts.id }),
        ]),
      );
      return inserted.length > 0;
    },

    async get(appId, id) {
      const [row] = await get({ appId, id });
      return row ?? null;
    },

    async list(appId, { after, limit, externalId, ids }) {
      const wanted = and(
        eq(accounts.appId, appId),
        after === null ? undefined : gt(accounts.id, after),
        externalId === null ? undefined : eq(accounts.externalId, externalId),
      );
      const page = (among: string[] | null, room: number): Promise<AccountRow[]> =>
        store.read((db) =>
          db
            .select(columns)
            .from(accounts)
            .where(among === null ? wanted : and(wanted, inArray(accounts.id, among)))
            .orderBy(asc(accounts.id))
            .limit(room),
        );
      if (ids === null) return page(null, limit);
      const rows: AccountRow[] = [];
      for (const among of groups(new Set(ids.toSorted()))) {
        if (rows.length < limit) rows.push(...(await page(among, limit - rows.length)));
      }
      return rows;
    },

    async update(row, version) {
      const { email, name, externalId, metadata, incoming, outgoing, watch, onUncertain, saveToSent } = row;
      const { id, appId, sealedIncomingPassword, sealedOutgoingPassword, updatedAt } = row;
      const servers = { incoming, outgoing, sealedIncomingPassword, sealedOutgoingPassword };
      const change = { email, name, externalId, metadata, ...servers, watch, onUncertain, saveToSent, updatedAt };
      const results = await store.atomic((db) => [
        db
          .update(accounts)
          .set({ ...change, version: version + 1 })
          .where(and(eq(accounts.appId, appId), eq(accounts.id, id), eq(accounts.version, version)))
          .returning({ id: accounts.id }),
      ]);
      if (results === "taken") return "exists";
      const [updated] = await done(Promise.resolve(results));
      return updated.length > 0 ? "updated" : "stale";
    },

    async remove(appId, id) {
      const itsBlobs = sql`(select ${blobs.id} from ${blobs} where ${blobs.accountId} = ${id})`;
      const results = await store.atomic((db, require) => [
        require(accounts, and(eq(accounts.appId, appId), eq(accounts.id, id)), "unchanged"),
        // First, so that on Postgres whatever was being added to the account is there to be removed, and no more comes.
        db.delete(accounts).where(eq(accounts.id, id)),
        db.delete(submissions).where(eq(submissions.accountId, id)),
        db.delete(blobChunks).where(inArray(blobChunks.blobId, itsBlobs)),
        db.delete(blobs).where(eq(blobs.accountId, id)),
        db.delete(maildropHeaders).where(eq(maildropHeaders.accountId, id)),
        db.delete(maildropFlags).where(eq(maildropFlags.accountId, id)),
        db.delete(intents).where(eq(intents.accountId, id)),
        db.delete(splitKeys).where(eq(splitKeys.accountId, id)),
        db.delete(placements).where(eq(placements.accountId, id)),
        db.delete(folders).where(eq(folders.accountId, id)),
      ]);
      return !isRefusal(results);
    },

    sealedKeys({ after, limit }) {
      return store.read((db) =>
        db
          .select({ id: accounts.id, appId: accounts.appId, sealedKey: accounts.sealedKey })
          .from(accounts)
          .where(after === null ? undefined : gt(accounts.id, after))
          .orderBy(asc(accounts.id))
          .limit(limit),
      );
    },

    async rewrap(id, before, sealedKey) {
      await done(
        store.atomic((db) => [
          db
            .update(accounts)
            .set({ sealedKey })
            .where(and(eq(accounts.id, id), eq(accounts.sealedKey, before))),
        ]),
      );
    },

    async setCapabilities(id, capabilities) {
      await done(store.atomic((db) => [db.update(accounts).set({ capabilities }).where(eq(accounts.id, id))]));
    },

    async decideIdStability(id, stability) {
      await done(
        store.atomic((db) => [
          db
            .update(accounts)
            .set({ idStability: stability })
            .where(and(eq(accounts.id, id), isNull(accounts.idStability))),
        ]),
      );
      const [row] = await byId({ id });
      return row?.idStability ?? stability;
    },

    async setState({ id, version }, { state, lastError }, now) {
      const stateSince = sql`case when ${accounts.state} = ${state} then ${accounts.stateSince} else ${now} end`;
      await done(
        store.atomic((db) => [
          db
            .update(accounts)
            .set({ state, lastError, stateSince })
            .where(and(eq(accounts.id, id), eq(accounts.version, version))),
        ]),
      );
    },
  };
}
