import { describe, expect, test } from "vitest";
import type { SnapshotChunk } from "../../src/store/rows.ts";
import type { Store, WatchChange } from "../../src/store/store.ts";
import type { Subject } from "./contract.ts";
import { bytesOf, sha256 } from "./helpers.ts";
import { accountRow, appRow, heldRow, newEvent, watchFolderRow } from "./rows.ts";

async function house(store: Store) {
  const app = appRow();
  await store.apps.insert(app);
  const account = accountRow({ appId: app.id });
  await store.accounts.insert(account);
  const { id } = account;
  const write = (change: WatchChange, epoch = 0) => store.watches.write({ id, appId: app.id, epoch }, change);
  const event = () => newEvent(id, { appId: app.id });
  return { id, app, account, write, event };
}

const at = (folder: number, uid: number) => ({ folder, uidValidity: 1, uid });

export function watchesContract(subject: () => Promise<Subject>): void {
  describe("what watchers write", () => {
    test("comes back as it was put in, with numbers as large as servers have", async () => {
      const { store } = await subject();
      const { id, write } = await house(store);
      const rows = [
        watchFolderRow(id, { folder: 2, lastChangedAt: 1_790_000_000_002 }),
        watchFolderRow(id, { folder: 10, modSeq: null, uidValidity: 0, uidNext: 1, exists: 0, historicalBelow: 77 }),
      ];
      expect(await write({ folders: rows.toReversed() })).toBe(true);
      expect(await store.watches.folders(id)).toEqual(rows);
      expect(await store.watches.folders("acc_other")).toEqual([]);
      const next = { ...watchFolderRow(id, { folder: 2, version: 2 }), uidNext: 9, modSeq: "18446744073709551615" };
      expect(await write({ folders: [next] })).toBe(true);
      expect(await store.watches.folders(id)).toEqual([next, rows[1]]);
      expect(await write({})).toBe(true);
    });

    test("is refused under another epoch, and nothing of it is there", async () => {
      const { store } = await subject();
      const { id, app, account, write, event } = await house(store);
      const placement = { accountId: id, origin: at(1, 1), now: at(2, 1) };
      await store.placements.save([placement]);
      const change = {
        folders: [watchFolderRow(id)],
        chunks: { folder: 1, clear: true, put: [{ n: 0, entries: bytesOf(5) }], remove: [] },
        held: { put: [heldRow(id, "guid:1")], remove: [] },
        placements: { remove: [at(2, 1)] },
        events: [event()],
      };
      expect(await write(change, 1)).toBe(false);
      expect(await store.accounts.update(account, 1)).toBe("updated");
      expect(await write(change)).toBe(false);
      expect(await store.watches.folders(id)).toEqual([]);
      expect(await store.watches.chunks(id, 1)).toEqual([]);
      expect(await store.watches.held(id)).toEqual([]);
      expect(await store.placements.find(id, [at(1, 1)])).toEqual([placement]);
      expect(await store.events.bounds(app.id)).toEqual({ newest: 0, oldest: null });
      expect(await write(change, 1)).toBe(true);
      expect(await store.watches.chunks(id, 1)).toHaveLength(1);
      expect(await store.placements.find(id, [at(1, 1)])).toEqual([]);
      expect(await store.events.bounds(app.id)).toEqual({ newest: 1, oldest: 1 });
    });

    test("is refused where a folder's row is not the next of the one that stands, with all that comes with it", async () => {
      const { store } = await subject();
      const { id, app, write, event } = await house(store);
      const row = watchFolderRow(id, { folder: 3 });
      const fine = watchFolderRow(id, { folder: 4 });
      expect(await write({ folders: [{ ...row, version: 2 }] })).toBe(false);
      expect(await write({ folders: [{ ...row, version: 0 }] })).toBe(false);
      expect(await write({ folders: [row], events: [event()] })).toBe(true);
      for (const version of [1, 3, 0]) {
        const stale = { ...row, version, uidNext: 5 };
        expect(await write({ folders: [fine, stale], events: [event()] })).toBe(false);
      }
      expect(await store.watches.folders(id)).toEqual([row]);
      expect(await store.events.bounds(app.id)).toEqual({ newest: 1, oldest: 1 });
      expect(await write({ folders: [fine, { ...row, version: 2, uidNext: 5 }], events: [event()] })).toBe(true);
      expect(await store.watches.folders(id)).toEqual([{ ...row, version: 2, uidNext: 5 }, fine]);
    });

    test("of many that write the same step, one does", async () => {
      const { store } = await subject();
      const { id, app, write, event } = await house(store);
      for (let version = 1; version <= 3; version += 1) {
        const steps = Array.from({ length: 8 }, () =>
          write({ folders: [watchFolderRow(id, { version })], events: [event(), event()] }),
        );
        expect((await Promise.all(steps)).filter(Boolean)).toHaveLength(1);
      }
      expect(await store.events.bounds(app.id)).toEqual({ newest: 6, oldest: 1 });
    });

    test("many folders at once", async () => {
      const { store } = await subject();
      const { id, write } = await house(store);
      const rows = Array.from({ length: 130 }, (_, i) => watchFolderRow(id, { folder: i + 1 }));
      expect(await write({ folders: rows })).toBe(true);
      const next = rows.map((row) => ({ ...row, version: 2, exists: row.folder }));
      expect(await write({ folders: next })).toBe(true);
      expect(await store.watches.folders(id)).toEqual(next);
      expect(await write({ unwatched: rows.slice(1).map(({ folder }) => folder) })).toBe(true);
      expect(await store.watches.folders(id)).toEqual([next[0]]);
    });

    test("pieces of a snapshot are put, replaced, removed and cleared, of their folder only", async () => {
      const { store } = await subject();
      const { id, write } = await house(store);
      const put = Array.from({ length: 12 }, (_, n) => ({ n, entries: bytesOf(65_536, n + 1) }));
      const told = (chunks: SnapshotChunk[]) => chunks.map(({ n, entries }) => `${n} ${sha256(entries)}`);
      const chunks = async (folder: number) => told(await store.watches.chunks(id, folder));
      expect(await write({ chunks: { folder: 1, clear: false, put: put.toReversed(), remove: [] } })).toBe(true);
      await write({ chunks: { folder: 2, clear: false, put: put.slice(0, 1), remove: [] } });
      expect(await chunks(1)).toEqual(told(put));
      const kept = await store.watches.chunks(id, 1);
      expect(kept.every(({ entries }) => entries instanceof Uint8Array)).toBe(true);
      const other = { n: 3, entries: new Uint8Array() };
      const remove = [0, 1, 2, ...Array.from({ length: 200 }, (_, i) => i + 50)];
      await write({ chunks: { folder: 1, clear: false, put: [other], remove } });
      expect(await chunks(1)).toEqual(told([other, ...put.slice(4)]));
      await write({ chunks: { folder: 1, clear: true, put: put.slice(5, 6), remove: [] } });
      expect(await chunks(1)).toEqual(told(put.slice(5, 6)));
      expect(await chunks(2)).toEqual(told(put.slice(0, 1)));
      await write({ unwatched: [1] });
      expect(await chunks(1)).toEqual([]);
      expect(await chunks(2)).toHaveLength(1);
    });

    test("held messages are put, replaced and forgotten, and stay when their folder is watched no more", async () => {
      const { store } = await subject();
      const { id, write } = await house(store);
      const rows = Array.from({ length: 150 }, (_, i) =>
        heldRow(id, `guid:é${1000 + i}`, { folder: 1 + (i % 2), uid: 4_294_967_295, since: 1_790_000_000_000 + i }),
      );
      expect(await write({ held: { put: rows, remove: [] } })).toBe(true);
      expect(await store.watches.held(id)).toEqual(rows);
      expect(await store.watches.held("acc_other")).toEqual([]);
      const again = heldRow(id, "guid:é1000", { folder: 2, uidValidity: 4, uid: 5, since: 6, waitsFor: [] });
      await write({ held: { put: [again], remove: rows.slice(10).map(({ key }) => key) } });
      expect(await store.watches.held(id)).toEqual([again, ...rows.slice(1, 10)]);
      await write({ unwatched: [1] });
      expect(await store.watches.held(id)).toEqual([again, ...rows.slice(1, 10)]);
    });

    test("what remembers moved messages goes by where they are now", async () => {
      const { store } = await subject();
      const { id, write } = await house(store);
      const rows = Array.from({ length: 150 }, (_, i) => ({
        accountId: id,
        origin: at(1, i),
        now: at(2 + (i % 2), 1_000 + i),
      }));
      await store.placements.save(rows);
      const gone = rows.slice(5).map(({ now }) => now);
      expect(await write({ placements: { remove: [...gone, at(1, 1), { ...at(2, 1_000), uidValidity: 2 }] } })).toBe(
        true,
      );
      const left = await store.placements.find(
        id,
        rows.map(({ origin }) => origin),
      );
      expect(left).toHaveLength(5);
      expect(left).toEqual(expect.arrayContaining(rows.slice(0, 5)));
    });
  });
}
