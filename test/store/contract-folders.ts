import { describe, expect, test } from "vitest";
import type { FolderRow } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import type { Subject } from "./contract.ts";
import { accountRow, appRow, folderRow, newEvent } from "./rows.ts";

export function foldersContract(subject: () => Promise<Subject>): void {
  describe("folders", () => {
    test("are numbered in the order they come, and come back as they were", async () => {
      const { store, accountId } = await withAccount(subject);
      const rows = [
        folderRow(accountId, "INBOX", { role: "inbox" }),
        folderRow(accountId, "&AOk-té", { selectable: false, delimiter: null, uidNext: null, mailboxId: "m1" }),
      ];
      await store.folders.save(accountId, { added: rows, changed: [] });
      await store.folders.save(accountId, { added: [folderRow(accountId, "Sent")], changed: [] });
      const listed = await store.folders.list(accountId);
      expect(listed.slice(0, 2)).toEqual(rows.map((row, i) => ({ ...row, number: i + 1 })));
      expect(listed[2]).toMatchObject({ path: "Sent", number: 3 });
      expect(await store.folders.get(accountId, rows[0]?.id ?? "")).toEqual(listed[0]);
      expect(await store.folders.get("acc_other", rows[0]?.id ?? "")).toBeNull();
      expect(await store.folders.list("acc_other")).toEqual([]);
    });

    test("a path that stands keeps its row", async () => {
      const { store, accountId } = await withAccount(subject);
      await store.folders.save(accountId, { added: [folderRow(accountId, "INBOX")], changed: [] });
      const before = await store.folders.list(accountId);
      const added = [folderRow(accountId, "INBOX"), folderRow(accountId, "A")];
      await store.folders.save(accountId, { added, changed: [] });
      const after = await store.folders.list(accountId);
      expect(after.map((row) => row.path)).toEqual(["INBOX", "A"]);
      expect(after[0]).toEqual(before[0]);
    });

    test("paths can be swapped, and the number and id stay", async () => {
      const { store, accountId } = await withAccount(subject);
      await store.folders.save(accountId, {
        added: ["A", "B", "C"].map((path) => folderRow(accountId, path)),
        changed: [],
      });
      const [a, b, c] = await store.folders.list(accountId);
      const changed = [
        { ...a, path: "B", uidValidity: 7 },
        { ...b, path: "A", missingSince: 5 },
      ] as FolderRow[];
      await store.folders.save(accountId, { added: [], changed });
      expect(await store.folders.list(accountId)).toEqual([...changed, c]);
    });

    test("a new path that another folder holds leaves that row as it is, and writes the rest", async () => {
      const { store, accountId } = await withAccount(subject);
      await store.folders.save(accountId, {
        added: ["A", "B", "C", "D"].map((path) => folderRow(accountId, path)),
        changed: [],
      });
      const [a, b, c, d] = await store.folders.list(accountId);
      // A wants D's place and B wants A's: neither is free. C's is.
      const changed = [
        { ...a, path: "D" },
        { ...b, path: "A" },
        { ...c, path: "E" },
      ] as FolderRow[];
      await store.folders.save(accountId, { added: [folderRow(accountId, "F")], changed });
      const listed = await store.folders.list(accountId);
      expect(listed.slice(0, 4)).toEqual([a, b, { ...c, path: "E" }, d]);
      expect(listed[4]).toMatchObject({ path: "F" });
    });

    test("saves at once give each path one row and each row its own number", async () => {
      const { store, accountId } = await withAccount(subject);
      const saves = Array.from({ length: 100 }, (_, i) =>
        store.folders.save(accountId, {
          added: [folderRow(accountId, "INBOX"), folderRow(accountId, `F${i}`), folderRow(accountId, `G${i % 10}`)],
          changed: [],
        }),
      );
      await Promise.all(saves);
      const rows = await store.folders.list(accountId);
      expect(rows).toHaveLength(111);
      expect(new Set(rows.map((row) => row.number)).size).toBe(111);
      expect(new Set(rows.map((row) => row.path)).size).toBe(111);
    });

    test("a removed folder takes along what remembered messages in it, and frees its path but not its number", async () => {
      const { store, accountId } = await withAccount(subject);
      const added = ["A", "B", "C"].map((path) => folderRow(accountId, path));
      await store.folders.save(accountId, { added, changed: [] });
      const [a, b, c] = await store.folders.list(accountId);
      const at = (folder: number, uid: number) => ({ folder, uidValidity: 1, uid });
      const [into, outOf] = [
        { accountId, origin: at(1, 5), now: at(2, 1) },
        { accountId, origin: at(2, 6), now: at(1, 2) },
      ];
      await store.placements.save([into, outOf]);
      const changed = [{ ...c, path: "B" }] as FolderRow[];
      await store.folders.save(accountId, { added: [folderRow(accountId, "D")], changed, removed: [b?.id ?? ""] });
      const rows = await store.folders.list(accountId);
      expect(rows.slice(0, 2)).toEqual([a, ...changed]);
      expect(rows[2]).toMatchObject({ path: "D", number: 4 });
      expect(await store.placements.find(accountId, [into.origin, outOf.origin])).toEqual([outOf]);
    });

    test("are told of with what was listed, and not where another has saved meanwhile", async () => {
      const { store } = await subject();
      const app = appRow();
      await store.apps.insert(app);
      const account = accountRow({ appId: app.id });
      await store.accounts.insert(account);
      const save = (path: string, version: number) =>
        store.folders.save(account.id, {
          added: [folderRow(account.id, path)],
          changed: [],
          told: { version, events: [newEvent(account.id, { appId: app.id, type: "folder.created" })] },
        });
      const version = await store.folders.version(account.id);
      const saved = await Promise.all(["A", "B", "C"].map((path) => save(path, version)));
      expect(saved.filter(Boolean)).toHaveLength(1);
      expect(await store.folders.version(account.id)).toBe(version + 1);
      expect(await store.folders.list(account.id)).toHaveLength(1);
      expect(await store.events.bounds(app.id)).toEqual({ newest: 1, oldest: 1 });
      expect(await store.folders.save(account.id, { added: [folderRow(account.id, "D")], changed: [] })).toBe(true);
      expect(await save("E", version + 1)).toBe(false);
      expect(await save("E", version + 2)).toBe(true);
      expect(await store.events.bounds(app.id)).toEqual({ newest: 2, oldest: 1 });
    });

    test("two hundred at once are no problem", async () => {
      const { store, accountId } = await withAccount(subject);
      const added = Array.from({ length: 200 }, (_, i) => folderRow(accountId, `F${i}`));
      await store.folders.save(accountId, { added, changed: [] });
      const rows = await store.folders.list(accountId);
      expect(rows.map((row) => row.number)).toEqual(added.map((_, i) => i + 1));
      const changed = rows.map((row) => ({ ...row, path: `X${row.path}` }));
      await store.folders.save(accountId, { added: [], changed });
      expect(await store.folders.list(accountId)).toEqual(changed);
    });
  });
}

async function withAccount(subject: () => Promise<Subject>): Promise<{ store: Store; accountId: string }> {
  const { store } = await subject();
  const account = accountRow();
  await store.accounts.insert(account);
  return { store, accountId: account.id };
}
