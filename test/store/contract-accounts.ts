import { asc, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { orderedId, randomId } from "../../src/mail/id.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import type { Subject } from "./contract.ts";
import {
  accountRow,
  appRow,
  folderRow,
  heldRow,
  intentRow,
  newEvent,
  submissionRow,
  uploadRow,
  watchFolderRow,
} from "./rows.ts";
import { bytesOf, countsOf, streamOf } from "./helpers.ts";

const capabilities = {
  folders: true,
  move: true,
  keywords: true,
  append: true,
  search: "server",
  push: "idle",
  flagStorage: "server",
} as const;

const none = {
  folders: 0,
  placements: 0,
  splitKeys: 0,
  intents: 0,
  maildropHeaders: 0,
  maildropFlags: 0,
  blobs: 0,
  submissions: 0,
  uploads: 0,
  watches: 0,
  watchFolders: 0,
  folderSnapshots: 0,
  heldKeys: 0,
};

function maildropWrites(store: Store, accountId: string): (() => Promise<void>)[] {
  const { headers, flags } = store.maildrops.of(accountId);
  const key = { kind: "uidl", value: "1" } as const;
  return [
    () => headers.put([{ key, header: bytesOf(3), size: 3 }]),
    () => flags.change([key], { flags: { seen: true }, keywords: { add: [], remove: [] } }),
  ];
}

/** What a watcher writes that looks for the first time. */
function look(store: Store, { id, appId }: AccountRow): Promise<boolean> {
  return store.watches.write(
    { id, appId, epoch: 0 },
    {
      folders: [watchFolderRow(id)],
      chunks: { folder: 1, clear: true, put: [{ n: 0, entries: bytesOf(9) }], remove: [] },
      held: { put: [heldRow(id, "guid:1")], remove: [] },
      events: [newEvent(id, { appId })],
    },
  );
}

export function accountsContract(subject: () => Promise<Subject>): void {
  describe("accounts", () => {
    test("come back as they were put in, to their own app only", async () => {
      const { accounts } = (await subject()).store;
      const row = accountRow({
        capabilities,
        idStability: "tracked",
        lastError: { side: "incoming", code: "upstream-timeout", detail: "“late”", at: 1 },
        watch: { mode: "poll", folders: "all", notifySince: 5 },
      });
      expect(await accounts.insert(row)).toBe(true);
      expect(await accounts.get(row.appId, row.id)).toEqual(row);
      expect(await accounts.byId(row.id)).toEqual(row);
      expect(await accounts.get("app_other", row.id)).toBeNull();
      expect(await accounts.byId("acc_none")).toBeNull();
    });

    test("an externalId stands once per app", async () => {
      const { accounts } = (await subject()).store;
      const appId = randomId("app");
      const attempts = Array.from({ length: 20 }, () => accounts.insert(accountRow({ appId, externalId: "é" })));
      expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(1);
      expect(await accounts.insert(accountRow({ appId: randomId("app"), externalId: "é" }))).toBe(true);
      expect(await accounts.insert(accountRow({ appId }))).toBe(true);
      expect(await accounts.insert(accountRow({ appId }))).toBe(true);
      expect(await accounts.list(appId, { after: null, limit: 50, externalId: null, ids: null })).toHaveLength(3);
    });

    test("are listed by id, by externalId and among many ids", async () => {
      const { accounts } = (await subject()).store;
      const appId = randomId("app");
      const rows = Array.from({ length: 12 }, (_, i) => accountRow({ appId, externalId: `x${i}` }));
      rows.sort((a, b) => (a.id < b.id ? -1 : 1));
      await Promise.all(rows.toReversed().map((row) => accounts.insert(row)));
      const all = { after: null, limit: 50, externalId: null, ids: null };
      expect(await accounts.list(appId, all)).toEqual(rows);
      expect(await accounts.list(appId, { ...all, after: rows[3]?.id ?? "", limit: 3 })).toEqual(rows.slice(4, 7));
      expect(await accounts.list(appId, { ...all, externalId: rows[5]?.externalId ?? "" })).toEqual([rows[5]]);
      // More ids than D1 binds in one query; the strangers' are of no effect.
      const ids = [...Array.from({ length: 300 }, () => randomId("acc")), ...rows.slice(2).map((row) => row.id)];
      expect(await accounts.list(appId, { ...all, ids, limit: 4 })).toEqual(rows.slice(2, 6));
      expect(await accounts.list(appId, { ...all, ids, after: rows[9]?.id ?? "" })).toEqual(rows.slice(10));
      expect(await accounts.list(appId, { ...all, ids: [] })).toEqual([]);
      expect(await accounts.list(randomId("app"), { ...all, ids })).toEqual([]);
    });

    test("are updated from the version that was read, and no other", async () => {
      const { accounts } = (await subject()).store;
      const row = accountRow({ appId: randomId("app"), externalId: "mine" });
      await accounts.insert(row);
      await accounts.insert(accountRow({ appId: row.appId, externalId: "taken" }));
      const changed = { ...row, email: "new@example", metadata: {}, updatedAt: 5 };
      expect(await accounts.update(changed, 1)).toBe("updated");
      expect(await accounts.byId(row.id)).toEqual({ ...changed, version: 2 });
      expect(await accounts.update({ ...changed, email: "late@example" }, 1)).toBe("stale");
      expect(await accounts.update({ ...changed, externalId: "taken" }, 2)).toBe("exists");
      expect(await accounts.update({ ...changed, appId: "app_other" }, 2)).toBe("stale");
      expect(await accounts.byId(row.id)).toEqual({ ...changed, version: 2 });
      const race = Array.from({ length: 10 }, (_, i) => accounts.update({ ...changed, email: `${i}@example` }, 2));
      expect((await Promise.all(race)).filter((result) => result === "updated")).toHaveLength(1);
    });

    test("with another mailbox nothing is known of folders, messages and looks, and their numbers are used no more", async () => {
      const { store } = await subject();
      const app = appRow();
      await store.apps.insert(app);
      const row = accountRow({ appId: app.id });
      const { id } = row;
      await store.accounts.insert(row);
      const origin = { folder: 1, uidValidity: 1, uid: 1 };
      const fill = async (epoch: number): Promise<boolean> => {
        await store.folders.save(id, { added: [folderRow(id, "INBOX")], changed: [] });
        await store.placements.save([{ accountId: id, origin, now: { ...origin, folder: 2 } }]);
        await store.intents.insert(intentRow(id));
        await store.watches.noteLooks([{ accountId: id, epoch, lookedAt: 7, mode: "idle" }]);
        const chunks = { folder: 1, clear: true, put: [{ n: 0, entries: bytesOf(5) }], remove: [] };
        const held = { put: [heldRow(id, "guid:1")], remove: [] };
        const change = { folders: [watchFolderRow(id)], chunks, held, events: [newEvent(id, { appId: app.id })] };
        return store.watches.write({ id, appId: app.id, epoch }, change);
      };
      const known = async () => ({
        folders: (await store.folders.list(id)).map(({ number }) => number),
        placements: (await store.placements.find(id, [origin])).length,
        intents: (await store.intents.list(id, 0)).length,
        looked: (await store.watches.get(id))?.lookedAt,
        watched: (await store.watches.folders(id)).length,
        chunks: (await store.watches.chunks(id, 1)).length,
        held: (await store.watches.held(id)).length,
      });
      const all = { folders: [1], placements: 1, intents: 1, looked: 7, watched: 1, chunks: 1, held: 1 };
      expect(await fill(0)).toBe(true);
      const version = await store.folders.version(id);
      expect(await store.accounts.update(row, 7, { anew: true })).toBe("stale");
      expect(await store.accounts.update(row, 1, { anew: false })).toBe("updated");
      expect(await known()).toEqual(all);
      expect(await store.accounts.update(row, 2, { anew: true })).toBe("updated");
      const none = { folders: [], placements: 0, intents: 0, looked: null, watched: 0, chunks: 0, held: 0 };
      expect(await known()).toEqual(none);
      expect(await store.watches.get(id)).toMatchObject({ dueAt: 0, mode: null });
      expect((await store.events.bounds(app.id)).newest).toBe(1);
      const late = { added: [folderRow(id, "Old")], changed: [], told: { version, events: [] } };
      expect(await store.folders.save(id, late)).toBe(false);
      expect(await fill(2)).toBe(true);
      expect(await known()).toEqual({ ...all, folders: [2] });
    });

    test("the id tier is decided once, and no update undoes it", async () => {
      const { accounts } = (await subject()).store;
      const row = accountRow();
      await accounts.insert(row);
      expect(await accounts.decideIdStability(row.id, "permanent")).toBe("permanent");
      expect(await accounts.decideIdStability(row.id, "tracked")).toBe("permanent");
      await accounts.setCapabilities(row.id, capabilities);
      expect(await accounts.update({ ...row, capabilities }, 1)).toBe("updated");
      expect(await accounts.byId(row.id)).toMatchObject({ idStability: "permanent", capabilities, version: 2 });
    });

    test("their keys are listed for a rotation, and written where they are still the ones that were read", async () => {
      const { accounts } = (await subject()).store;
      const row = accountRow({ sealedKey: "old" });
      await accounts.insert(row);
      const keys: string[] = [];
      for (let after: string | null = null; ;) {
        const page: { id: string; sealedKey: string }[] = await accounts.sealedKeys({ after, limit: 2 });
        keys.push(...page.map(({ id }) => id));
        after = page.at(-1)?.id ?? null;
        if (after === null) break;
      }
      expect(keys).toContain(row.id);
      expect(keys).toEqual(keys.toSorted());
      await accounts.rewrap(row.id, "other", "wrong");
      await accounts.rewrap(row.id, "old", "new");
      expect(await accounts.byId(row.id)).toEqual({ ...row, sealedKey: "new" });
      expect(await accounts.update({ ...row, name: "changed" }, 1)).toBe("updated");
      expect((await accounts.byId(row.id))?.sealedKey).toBe("new");
    });

    test("stateSince stays while the state does", async () => {
      const { accounts } = (await subject()).store;
      const row = accountRow({ state: "connecting", stateSince: 10 });
      await accounts.insert(row);
      const lastError = { side: "outgoing", code: "dns-not-found", detail: "d", at: 11 } as const;
      await accounts.setState(row, { state: "unreachable", lastError }, 11, null);
      await accounts.setState(row, { state: "unreachable", lastError }, 12, null);
      expect(await accounts.byId(row.id)).toEqual({ ...row, state: "unreachable", stateSince: 11, lastError });
      await accounts.setState({ ...row, version: 2 }, { state: "degraded", lastError }, 12, null);
      expect(await accounts.update({ ...row, name: "changed" }, 1)).toBe("updated");
      expect(await accounts.byId(row.id)).toMatchObject({ name: "changed", state: "unreachable", lastError });
      await accounts.setState(row, { state: "connected", lastError: null }, 13, null);
      expect(await accounts.byId(row.id)).toMatchObject({ state: "unreachable" });
      await accounts.update(row, 2);
      await accounts.setState({ ...row, version: 3 }, { state: "connected", lastError: null }, 13, null);
      expect(await accounts.byId(row.id)).toEqual({ ...row, state: "connected", stateSince: 13, version: 3 });
    });

    test("take everything along that is theirs, and nothing else", async () => {
      const { handle, store } = await subject();
      const app = appRow();
      await store.apps.insert(app);
      const [gone, stays] = [accountRow({ appId: app.id }), accountRow({ appId: app.id })];
      for (const account of [gone, stays]) {
        const accountId = account.id;
        const origin = { folder: 1, uidValidity: 1, uid: 1 };
        await store.accounts.insert(account);
        await store.folders.save(accountId, { added: [folderRow(accountId, "INBOX")], changed: [] });
        await store.placements.save([{ accountId, origin, now: { ...origin, folder: 2 } }]);
        await store.splitKeys.add(accountId, ["guid:1"]);
        await store.intents.insert(intentRow(accountId));
        expect(await look(store, account)).toBe(true);
        for (const write of maildropWrites(store, accountId)) await write();
        await store.blobs.write(`blb_${accountId}`, accountId, streamOf(bytesOf(600_000)), 1);
        await store.submissions.accept(submissionRow(accountId, { blobId: `blb_${accountId}` }), null);
        await store.blobs.write(`blb_2${accountId}`, accountId, streamOf(bytesOf(9)), 1);
        await store.uploads.insert(uploadRow(accountId, { blobId: `blb_2${accountId}` }));
      }
      const one = Object.fromEntries(Object.keys(none).map((name) => [name, name === "blobs" ? 2 : 1]));
      expect(await countsOf(handle, gone.id)).toEqual(one);
      const deleted = newEvent(gone.id, { appId: app.id, type: "account.deleted", data: { externalId: null } });
      const again = { ...deleted, id: orderedId("evt", 1) };
      expect(await store.accounts.remove("app_other", gone.id, deleted)).toBe(false);
      expect(await countsOf(handle, gone.id)).toEqual(one);
      expect(await store.accounts.remove(app.id, gone.id, deleted)).toBe(true);
      expect(await store.accounts.remove(app.id, gone.id, again)).toBe(false);
      expect(await countsOf(handle, gone.id)).toEqual(none);
      const { blobChunks } = handle.tables;
      const owners = await handle.read((db) => db.select({ id: blobChunks.blobId }).from(blobChunks));
      expect(owners).not.toContainEqual({ id: `blb_${gone.id}` });
      expect(owners).toContainEqual({ id: `blb_${stays.id}` });
      expect(await countsOf(handle, stays.id)).toEqual(one);
      const { events } = handle.tables;
      const log = await handle.read((db) =>
        db.select().from(events).where(eq(events.appId, app.id)).orderBy(asc(events.sequence)),
      );
      expect(log).toMatchObject([
        { accountId: gone.id, sequence: 1, type: "message.created", data: null },
        { accountId: stays.id, sequence: 2, type: "message.created", data: { historical: null } },
        { ...deleted, sequence: 3 },
      ]);
    });

    test("nothing is added to one that is gone, not even while it goes", async () => {
      const { handle, store } = await subject();
      const gone = { code: "not-found" };
      const origin = { folder: 1, uidValidity: 1, uid: 1 };
      const add = (accountId: string) => [
        store.folders.save(accountId, { added: [folderRow(accountId, "INBOX")], changed: [] }),
        store.placements.save([{ accountId, origin, now: origin }]),
        store.splitKeys.add(accountId, ["guid:1"]),
        store.intents.insert(intentRow(accountId)),
        ...maildropWrites(store, accountId).map((write) => write()),
        store.blobs.write(randomId("blb"), accountId, streamOf(bytesOf(1_200_000)), 1),
        store.submissions.accept(submissionRow(accountId), null),
        store.submissions.accept(submissionRow(accountId, { blobId: randomId("blb") }), bytesOf(9)),
        store.uploads.insert(uploadRow(accountId)),
      ];
      for (const result of await Promise.allSettled(add(randomId("acc")))) {
        expect(result).toMatchObject({ status: "rejected", reason: gone });
      }

      const app = appRow();
      await store.apps.insert(app);
      expect(await look(store, accountRow({ appId: app.id }))).toBe(false);

      for (let round = 0; round < 5; round += 1) {
        const account = accountRow({ appId: app.id });
        await store.accounts.insert(account);
        const added = Promise.allSettled(add(account.id));
        const looked = look(store, account);
        const deleted = newEvent(account.id, { appId: app.id, type: "account.deleted" });
        expect(await store.accounts.remove(account.appId, account.id, deleted)).toBe(true);
        await looked;
        const kept = await store.events.list(app.id, { after: 0, limit: 9, types: null, accountIds: [account.id] });
        expect(kept).toMatchObject([{ id: deleted.id }]);
        const refused = (await added).flatMap((result): unknown[] =>
          result.status === "rejected" ? [result.reason] : [],
        );
        expect(refused).toEqual(refused.map(() => expect.objectContaining(gone)));
        expect(await countsOf(handle, account.id)).toEqual(none);
      }
    });
  });
}
