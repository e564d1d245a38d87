import { and, asc, eq, getTableColumns, gt, inArray, isNotNull, isNull, sql } from "drizzle-orm";
import { appendEvents } from "./append-events.ts";
import { endClaim } from "./claim-watches.ts";
import type { Db, Handle, Query } from "./handle.ts";
import { done, groups, isRefusal } from "./handle.ts";
import { prepared } from "./prepared.ts";
import type { AccountRow } from "./rows.ts";
import type { Store } from "./store.ts";

export function accountsRepository(store: Handle): Store["accounts"] {
  const { accounts, folders, placements, splitKeys, intents, blobs, blobChunks, submissions, uploads } = store.tables;
  const { maildropHeaders, maildropFlags, events, deliveries, watches, watchFolders, folderSnapshots, heldKeys } =
    store.tables;
  const { threads, threadLinks, threadMessages } = store.tables;
  const { lastFolderNumber: _number, foldersVersion: _version, ...columns } = getTableColumns(accounts);

  const byId = prepared(store, ["id"], (db, { id }) => db.select(columns).from(accounts).where(eq(accounts.id, id)));
  const get = prepared(store, ["appId", "id"], (db, { appId, id }) =>
    db
      .select(columns)
      .from(accounts)
      .where(and(eq(accounts.appId, appId), eq(accounts.id, id))),
  );

  /** What is known of the account's folders and of messages in them. */
  function forgetFolders(db: Db, id: string): Query[] {
    const known = [watchFolders, folderSnapshots, heldKeys, threadMessages, threadLinks, threads];
    return [...known, intents, placements, folders].map((table) => db.delete(table).where(eq(table.accountId, id)));
  }

  /** A listing that is under way is refused by the version, and the next look is the first one. */
  function forgetMailbox(db: Db, id: string): Query[] {
    return [
      ...forgetFolders(db, id),
      db.update(watches).set({ lookedAt: null, mode: null }).where(eq(watches.accountId, id)),
      db
        .update(accounts)
        .set({ foldersVersion: sql`${accounts.foldersVersion} + 1` })
        .where(eq(accounts.id, id)),
    ];
  }

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
            .values({ ...account, lastFolderNumber: 0, foldersVersion: 0 })
            .onConflictDoNothing({ target: [accounts.appId, accounts.externalId] })
            .returning({ id: accounts.id }),
          // The columns in the table's order; a row only where the account's came about.
          db.insert(watches).select(
            sql`select ${accounts.id}, null, 0, 0, ${isWatched(account) ? sql`0` : sql`null`}, null, null
              from ${accounts} where ${accounts.id} = ${account.id}`,
          ),
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

    async update(row, version, { anew } = { anew: false }) {
      const { email, name, externalId, metadata, incoming, outgoing, watch, onUncertain, saveToSent } = row;
      const { id, appId, sealedIncomingPassword, sealedOutgoingPassword, updatedAt } = row;
      const servers = { incoming, outgoing, sealedIncomingPassword, sealedOutgoingPassword };
      const change = { email, name, externalId, metadata, ...servers, watch, onUncertain, saveToSent, updatedAt };
      const itself = and(eq(accounts.appId, appId), eq(accounts.id, id));
      // Its state may have become another since it was read.
      const dueAt = sql`(select case when ${accounts.state} <> 'paused' then 0 end from ${accounts} where ${itself})`;
      const results = await store.atomic((db, require) => [
        require(accounts, and(itself, eq(accounts.version, version)), "unchanged"),
        db
          .update(accounts)
          .set({ ...change, version: version + 1 })
          .where(itself),
        endClaim(store.tables, db, eq(watches.accountId, id), hasWatch(row) ? dueAt : null),
        ...(anew ? forgetMailbox(db, id) : []),
      ]);
      if (results === "taken") return "exists";
      return results === "refused" ? "stale" : "updated";
    },

    async remove(appId, id, deleted) {
      const itsBlobs = sql`(select ${blobs.id} from ${blobs} where ${blobs.accountId} = ${id})`;
      const results = await store.atomic((db, require) => [
        require(accounts, and(eq(accounts.appId, appId), eq(accounts.id, id)), "unchanged"),
        // First, so that on Postgres whatever was being added to the account is there to be removed, and no more comes.
        db.delete(accounts).where(eq(accounts.id, id)),
        // What its watcher is writing comes before this, or is refused.
        db.delete(watches).where(eq(watches.accountId, id)),
        ...forgetFolders(db, id),
        db.delete(submissions).where(eq(submissions.accountId, id)),
        db.delete(uploads).where(eq(uploads.accountId, id)),
        db.delete(blobChunks).where(inArray(blobChunks.blobId, itsBlobs)),
        db.delete(blobs).where(eq(blobs.accountId, id)),
        db.delete(maildropHeaders).where(eq(maildropHeaders.accountId, id)),
        db.delete(maildropFlags).where(eq(maildropFlags.accountId, id)),
        db.delete(splitKeys).where(eq(splitKeys.accountId, id)),
        db
          .update(events)
          .set({ data: null })
          .where(and(eq(events.accountId, id), isNotNull(events.data))),
        db.delete(deliveries).where(eq(deliveries.accountId, id)),
        ...appendEvents(store, db, [deleted]),
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

    async setState({ id, version }, { state, lastError }, now, event) {
      for (;;) {
        const [row] = await byId({ id });
        if (row === undefined || row.version !== version) return false;
        const asRead = and(eq(accounts.id, id), eq(accounts.version, version), eq(accounts.state, row.state));
        const changes = row.state !== state;
        // Also of a watcher that has just seen it unwatchable, and would give it back for good.
        const endsClaim = changes && (state === "paused" || unwatched.has(row.state));
        const dueAt = isWatched({ ...row, state }) ? 0 : null;
        const results = await store.atomic((db, require) => [
          require(accounts, asRead, "unchanged"),
          db
            .update(accounts)
            .set({
              state,
              lastError,
              ...(changes && { stateSince: now, ...(state === "paused" && { version: version + 1 }) }),
            })
            .where(eq(accounts.id, id)),
          ...(endsClaim ? [endClaim(store.tables, db, eq(watches.accountId, id), dueAt)] : []),
          ...(changes && event !== null ? appendEvents(store, db, [event]) : []),
        ]);
        // Refused: another has changed the account or its state since it was read.
        if (!isRefusal(results)) return changes;
      }
    },
  };
}

/** States in which nobody watches an account. */
const unwatched = new Set<AccountRow["state"]>(["paused", "authenticationFailed"]);

/** Whether there is something to watch, as far as the caller decides. */
function hasWatch({ incoming, watch }: Pick<AccountRow, "incoming" | "watch">): boolean {
  return incoming !== null && watch.mode !== "off";
}

function isWatched(account: Pick<AccountRow, "incoming" | "watch" | "state">): boolean {
  return hasWatch(account) && account.state !== "paused";
}
