import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { NativeFolder } from "../../src/mail/folder.ts";
import type { FolderTarget, Mailbox } from "../../src/mail/mailbox.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import { createFolder } from "../../src/operations/create-folder.ts";
import { deleteFolder } from "../../src/operations/delete-folder.ts";
import { listFolders } from "../../src/operations/list-folders.ts";
import { updateFolder } from "../../src/operations/update-folder.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow, appRow } from "../store/rows.ts";

const staying = new AbortController().signal;

const account = accountRow();
const caller: AppCaller = { kind: "app", appId: account.appId, keyId: "key_1", scopes: [], accountIds: null };

let directory: string;
let store: Store;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "postern-folders-"));
  store = createStore(openSqlite(join(directory, "postern.db")));
  await store.apps.insert(appRow({ id: account.appId }));
  await store.accounts.insert(account);
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

/** A server that tells nothing but names: no UIDVALIDITY, no MAILBOXID to know a renamed folder by. */
function setup(paths: string[], change: Partial<Mailbox> = {}) {
  const native = (path: string): NativeFolder => ({
    path,
    name: path.split("/").at(-1) ?? "",
    parentPath: path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : null,
    delimiter: "/",
    role: path === "INBOX" ? "inbox" : null,
    selectable: true,
    subscribed: true,
    mailboxId: null,
    status: { messages: 0, unseen: 0, uidValidity: 0, uidNext: null, modSeq: null },
  });
  const state = { paths, renewed: 0, afterRename: async (): Promise<void> => {} };
  const mailbox = {
    capabilities: () => ({ folders: true }),
    folders: async () => state.paths.map(native),
    async createFolder(parent: string | null, name: string) {
      if (parent !== null && !state.paths.includes(parent)) {
        const upstream = { protocol: "imap" as const, phase: "LIST", host: "x" };
        throw new Failure("not-found", "The mail server has no such folder.", { upstream });
      }
      const path = parent === null ? name : `${parent}/${name}`;
      state.paths = [...state.paths, path];
      return path;
    },
    async renameFolder(path: string, { parent, name }: FolderTarget) {
      const { parentPath, name: standing } = native(path);
      const above = parent === undefined ? parentPath : parent;
      const target = `${above === null ? "" : `${above}/`}${name ?? standing}`;
      state.paths = state.paths.map((one) =>
        one === path || one.startsWith(`${path}/`) ? target + one.slice(path.length) : one,
      );
      await state.afterRename();
      return target;
    },
    async deleteFolder(path: string) {
      state.paths = state.paths.filter((one) => one !== path);
    },
    async subscribeFolder() {},
    ...change,
  } as unknown as Mailbox;
  const needs = {
    wake: { wake() {} },
    accounts: store.accounts,
    folders: store.folders,
    clock: createFakeClock(),
    mailboxes: {
      lend: async () => ({
        session: mailbox,
        fresh: true,
        release() {},
        discard() {},
        failed() {},
        leave() {},
        pauseMs: 0,
      }),
      renew: async () => void (state.renewed += 1),
    },
  };
  const list = async () =>
    (await listFolders(needs)(caller, account.id, staying)).map(({ id, name, parentId }) => ({ id, name, parentId }));
  const idOf = async (name: string): Promise<string> => (await list()).find((folder) => folder.name === name)?.id ?? "";
  return { needs, state, list, idOf };
}

test("ids stay through a rename, also of those below and where the server gives nothing to know them by", async () => {
  const { needs, state, list, idOf } = setup(["INBOX", "Work", "Work/2026", "Work/2026/Q1", "Workshop"]);
  const before = await list();
  const moved = await updateFolder(needs)(caller, account.id, await idOf("Work"), { name: "Arbeit" }, staying);
  expect(moved).toMatchObject({ id: before[1]?.id, name: "Arbeit", parentId: null });
  expect(await list()).toEqual(
    before.map((folder) => (folder.name === "Work" ? { ...folder, name: "Arbeit" } : folder)),
  );
  expect(state.renewed).toBe(1);
});

test("ids stay where another request lists the folders between the rename and its record", async () => {
  const { needs, state, list, idOf } = setup(["INBOX", "Work", "Work/2026"]);
  const before = await list();
  state.afterRename = async () => void (await list());
  await updateFolder(needs)(caller, account.id, await idOf("Work"), { name: "Arbeit" }, staying);
  expect((await list()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  expect(await store.folders.list(account.id)).toHaveLength(3);
});

test("a folder that was there before, gone from the server, makes room for one of its name", async () => {
  const { needs, state, list, idOf } = setup(["INBOX", "Work", "Old"]);
  const [, work, old] = await list();
  state.paths = ["INBOX", "Work"];
  await list();
  await updateFolder(needs)(caller, account.id, await idOf("Work"), { name: "Old" }, staying);
  expect(await list()).toEqual([expect.anything(), { id: work?.id, name: "Old", parentId: null }]);
  expect(await store.folders.get(account.id, old?.id ?? "")).toBeNull();
});

test("a deleted folder's id is no other folder's, also under the same name", async () => {
  const { needs, idOf } = setup(["INBOX", "Work"]);
  const id = await idOf("Work");
  await deleteFolder(needs)(caller, account.id, id, staying);
  await expect(deleteFolder(needs)(caller, account.id, id, staying)).rejects.toMatchObject({ code: "not-found" });
  const made = await createFolder(needs)(caller, account.id, { name: "Work", parentId: null }, staying);
  expect(made.id).not.toBe(id);
});

test("a parent that others renamed is found by its id", async () => {
  const { needs, state, idOf } = setup(["INBOX", "Work"]);
  const id = await idOf("Work");
  const [, row] = await store.folders.list(account.id);
  if (row === undefined) throw new Error("no row");
  await store.folders.save(account.id, { added: [], changed: [{ ...row, mailboxId: "m1" }] });
  state.paths = ["INBOX", "Arbeit"];
  const plain = await needs.mailboxes.lend();
  const known = plain.session.folders.bind(plain.session);
  plain.session.folders = async () =>
    (await known()).map((folder) => (folder.path === "Arbeit" ? { ...folder, mailboxId: "m1" } : folder));
  expect(await createFolder(needs)(caller, account.id, { name: "2026", parentId: id }, staying)).toMatchObject({
    parentId: id,
  });
  expect(state.paths).toEqual(["INBOX", "Arbeit", "Arbeit/2026"]);
});

test("a subscription that fails after the rename says what was done", async () => {
  const refused = new Failure("refused-by-server", "no");
  const { needs, list, idOf } = setup(["INBOX", "Work"], { subscribeFolder: () => Promise.reject(refused) });
  const id = await idOf("Work");
  const both = updateFolder(needs)(
    caller,
    account.id,
    id,
    { name: "Arbeit", parentId: null, subscribed: false },
    staying,
  );
  await expect(both).rejects.toMatchObject({
    code: "refused-by-server",
    details: { extra: { applied: ["name", "parentId"] } },
  });
  expect((await list()).map(({ name }) => name)).toEqual(["INBOX", "Arbeit"]);
  const alone = updateFolder(needs)(caller, account.id, id, { subscribed: false }, staying);
  await expect(alone).rejects.toBe(refused);
});

test("a protocol without folders changes none", async () => {
  const { needs, state, idOf } = setup(["INBOX", "Work"], { capabilities: () => ({ folders: false }) as never });
  const id = await idOf("Work");
  const unsupported = { code: "unsupported-by-protocol" };
  await expect(createFolder(needs)(caller, account.id, { name: "a", parentId: null }, staying)).rejects.toMatchObject(
    unsupported,
  );
  await expect(updateFolder(needs)(caller, account.id, id, { name: "a" }, staying)).rejects.toMatchObject(unsupported);
  await expect(deleteFolder(needs)(caller, account.id, id, staying)).rejects.toMatchObject(unsupported);
  expect(state.paths).toEqual(["INBOX", "Work"]);
});
