import { describe, expect, test } from "vitest";
import type { NativeFolder } from "../../src/mail/folder.ts";
import { syncFolders } from "../../src/operations/sync-folders.ts";
import type { FolderRow, NewEvent } from "../../src/store/rows.ts";
import type { Store } from "../../src/store/store.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow } from "../store/rows.ts";

const account = accountRow();

/** The one repository that is needed, kept in memory: what SQL does is the store's own suite. */
function setup() {
  let rows: FolderRow[] = [];
  let version = 0;
  const told: NewEvent[] = [];
  const needs = {
    clock: createFakeClock(),
    wake: { wake() {} },
    folders: {
      list: async () => rows,
      version: async () => version,
      save: async (_: string, change: Parameters<Store["folders"]["save"]>[1]) => {
        if (change.told !== undefined && change.told.version !== version) return false;
        version += 1;
        told.push(...(change.told?.events ?? []));
        const changed = new Map(change.changed.map((row) => [row.id, row]));
        rows = rows.map((row) => changed.get(row.id) ?? row);
        for (const row of change.added) rows.push({ ...row, number: rows.length + 1 });
        return true;
      },
    },
  };
  const sync = async (natives: NativeFolder[]): Promise<Record<string, string>> => {
    const synced = await syncFolders(needs, account, async () => natives);
    return Object.fromEntries(synced.map(({ row }) => [row.path, row.id]));
  };
  /** What was told since it was asked last. */
  const events = () =>
    told
      .splice(0)
      .map(({ type, data: { name, from, actor } }) => ({ type, name, actor, ...(from !== undefined && { from }) }));
  return { sync, needs, events, rows: () => rows };
}

function folder(path: string, uids: [uidValidity: number, uidNext: number] | null, mailboxId: string | null = null) {
  const status = uids && { messages: 0, unseen: 0, uidValidity: uids[0], uidNext: uids[1], modSeq: null };
  const base = { name: path, parentPath: null, delimiter: "/", role: null, selectable: true, subscribed: true };
  return { path, ...base, mailboxId, status } satisfies NativeFolder;
}

describe("a folder's id", () => {
  test("stays while nothing changes, and when its counts do", async () => {
    const { sync } = setup();
    const before = await sync([folder("INBOX", [1, 10]), folder("Work", [2, 5])]);
    expect(await sync([folder("INBOX", [1, 12]), folder("Work", [2, 5])])).toEqual(before);
  });

  test("stays through a rename, by UIDVALIDITY and UIDNEXT", async () => {
    const { sync } = setup();
    const before = await sync([folder("INBOX", [1, 10]), folder("Work", [2, 5])]);
    const after = await sync([folder("INBOX", [1, 10]), folder("Play", [2, 5])]);
    expect(after["Play"]).toBe(before["Work"]);
  });

  test("stays through a rename by MAILBOXID, also when a new folder takes the old name", async () => {
    const { sync } = setup();
    const before = await sync([folder("Work", [2, 5], "m1")]);
    const after = await sync([folder("Work", [9, 1], "m2"), folder("Old", [2, 7], "m1")]);
    expect(after["Old"]).toBe(before["Work"]);
    expect(after["Work"]).not.toBe(before["Work"]);
  });

  test("is new where two could be meant", async () => {
    const { sync } = setup();
    const before = await sync([folder("A", [2, 1]), folder("B", [2, 1])]);
    const after = await sync([folder("C", [2, 1])]);
    expect(Object.values(before)).not.toContain(after["C"]);
  });

  test("comes back with a folder that was missing for a while", async () => {
    const { sync, rows } = setup();
    const before = await sync([folder("INBOX", [1, 10]), folder("Work", [2, 5])]);
    await sync([folder("INBOX", [1, 10])]);
    expect(rows().find((row) => row.path === "Work")?.missingSince).toBeTypeOf("number");
    expect(await sync([folder("INBOX", [1, 10]), folder("Work", [2, 6])])).toEqual(before);
  });

  test("stays when STATUS fails for once", async () => {
    const { sync, rows } = setup();
    const before = await sync([folder("Work", [2, 5])]);
    expect(await sync([folder("Work", null)])).toEqual(before);
    expect(rows()[0]).toMatchObject({ uidValidity: 2, uidNext: 5 });
  });
});

describe("what is told of folders", () => {
  test("nothing of the first listing; then those that come, have another name, go, and come back", async () => {
    const { sync, events } = setup();
    await sync([folder("INBOX", [1, 10]), folder("Work", [2, 5])]);
    expect(events()).toEqual([]);
    await sync([folder("INBOX", [1, 11]), folder("Work", [2, 5]), folder("New", [3, 1])]);
    expect(events()).toEqual([{ type: "folder.created", name: "New", actor: "external" }]);
    await sync([folder("INBOX", [1, 11]), folder("Play", [2, 5]), folder("New", [3, 1])]);
    const from = { name: "Work", parentId: null };
    expect(events()).toEqual([{ type: "folder.renamed", name: "Play", actor: "external", from }]);
    await sync([folder("INBOX", [1, 11]), folder("New", [3, 1])]);
    expect(events()).toEqual([{ type: "folder.deleted", name: "Play", actor: "external" }]);
    await sync([folder("INBOX", [1, 11]), folder("New", [3, 1]), folder("Play", [2, 5])]);
    expect(events()).toEqual([{ type: "folder.created", name: "Play", actor: "external" }]);
    await sync([folder("INBOX", [1, 12]), folder("New", [3, 9]), folder("Play", [2, 5])]);
    expect(events()).toEqual([]);
  });

  test("two who see the same change at once tell it once", async () => {
    const { sync, events } = setup();
    await sync([folder("INBOX", [1, 10])]);
    const natives = [folder("INBOX", [1, 10]), folder("Work", [2, 5]), folder("Play", [3, 5])];
    await Promise.all([sync(natives), sync(natives), sync(natives)]);
    expect(events().map(({ name }) => name)).toEqual(["Work", "Play"]);
  });

  test("what an answer says that is older than what is written since is asked for again, not written", async () => {
    const { sync, needs, events, rows } = setup();
    const inbox = folder("INBOX", [1, 10]);
    const ours = [inbox, folder("Ours", [2, 1])];
    const before = await sync([inbox, folder("Work", [3, 5])]);
    let asked = 0;
    // The first answer is from before: meanwhile somebody has made a folder, and renamed another.
    const slow = async (): Promise<NativeFolder[]> => {
      asked += 1;
      if (asked > 1) return [...ours, folder("Play", [3, 5])];
      await syncFolders(needs, account, async () => [...ours, folder("Play", [3, 5])], "api");
      return [inbox, folder("Work", [3, 5])];
    };
    const synced = await syncFolders(needs, account, slow);
    expect(asked).toBe(2);
    expect(synced.map(({ row }) => row.path)).toEqual(["INBOX", "Ours", "Play"]);
    expect(synced[2]?.row.id).toBe(before["Work"]);
    expect(events()).toMatchObject([
      { type: "folder.created", name: "Ours", actor: "api" },
      { type: "folder.renamed", name: "Play", actor: "api" },
    ]);
    expect(rows().every(({ missingSince }) => missingSince === null)).toBe(true);
  });

  test("nor does it undo anything of an account that is not watched", async () => {
    const { needs, rows } = setup();
    const off = { ...account, watch: { ...account.watch, mode: "off" as const } };
    const ours = [folder("INBOX", [1, 10]), folder("Ours", [2, 1])];
    await syncFolders(needs, off, async () => [folder("INBOX", [1, 10])]);
    let asked = 0;
    const synced = await syncFolders(needs, off, async () => {
      asked += 1;
      if (asked > 1) return ours;
      await syncFolders(needs, off, async () => ours);
      return [folder("INBOX", [1, 10])];
    });
    expect(synced.map(({ row }) => row.path)).toEqual(["INBOX", "Ours"]);
    expect(rows().map(({ missingSince }) => missingSince)).toEqual([null, null]);
  });

  test("counts that change all the time are shown, written or not", async () => {
    const { needs } = setup();
    let uidNext = 10;
    const list = async (): Promise<NativeFolder[]> => [folder("INBOX", [1, (uidNext += 1)])];
    await syncFolders(needs, account, list);
    const busy = { ...needs, folders: { ...needs.folders, save: async () => false } };
    expect(await syncFolders(busy, account, list)).toMatchObject([{ row: { path: "INBOX", uidNext: 11 } }]);
  });

  test("a rename is written, whoever writes besides", async () => {
    const { needs } = setup();
    const off = { ...account, watch: { ...account.watch, mode: "off" as const } };
    const [before] = await syncFolders(needs, off, async () => [folder("Work", [2, 5])]);
    const { save } = needs.folders;
    let refusals = 4;
    const busy: typeof save = async (...args) => ((refusals -= 1) >= 0 ? false : save(...args));
    const natives = [folder("Play", [2, 5])];
    const synced = await syncFolders({ ...needs, folders: { ...needs.folders, save: busy } }, off, async () => natives);
    expect(synced).toMatchObject([{ row: { id: before?.row.id, path: "Play" } }]);
  });

  test("nothing of an account that is not watched", async () => {
    const { needs, events } = setup();
    const off = { ...account, watch: { ...account.watch, mode: "off" as const } };
    await syncFolders(needs, off, async () => [folder("INBOX", [1, 10])]);
    await syncFolders(needs, off, async () => [folder("INBOX", [1, 10]), folder("Work", [2, 5])]);
    expect(events()).toEqual([]);
  });
});
