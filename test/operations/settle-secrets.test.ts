import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rewrapKeys, settleSecrets } from "../../src/operations/settle-secrets.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { createVault } from "../../src/vault/vault.ts";
import { accountRow, webhookRow } from "../store/rows.ts";

const [old, next] = ["o".repeat(40), "n".repeat(40)] as const;

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-secrets-"));
  store = createStore(openSqlite(join(folder, "postern.db")));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a rotation wraps the keys of accounts and of webhooks anew: the new secret alone opens them then", async () => {
  const before = createVault({ secret: old });
  const { cursorKey } = await settleSecrets({ ...store, vault: before });
  const account = accountRow();
  account.sealedKey = before.newKey(account);
  await store.accounts.insert(account);
  const webhook = webhookRow("app_1");
  webhook.sealedKey = before.newKey(webhook);
  await store.webhooks.insert(webhook);
  const sealed = [account, webhook].map((holder) => before.seal(holder, "idKey", `of ${holder.id}`));

  await settleSecrets({ ...store, vault: createVault({ secret: next, previous: old }) });
  const after = createVault({ secret: next });
  expect((await settleSecrets({ ...store, vault: after })).cursorKey).toEqual(cursorKey);
  const holders = [await store.accounts.byId(account.id), await store.webhooks.byId(webhook.id)];
  const opened = holders.map((holder, at) => holder && after.openText(holder, "idKey", sealed[at] ?? ""));
  expect(opened).toEqual([`of ${account.id}`, `of ${webhook.id}`]);
  expect(holders.map((holder) => holder?.sealedKey)).not.toEqual([account.sealedKey, webhook.sealedKey]);
  await expect(settleSecrets({ ...store, vault: before })).rejects.toMatchObject({ code: "internal" });
});

test("replicas go over one after the other: both secrets open everything, and what the last old one makes is wrapped anew", async () => {
  const stored = async (vault: ReturnType<typeof createVault>) => {
    const account = accountRow();
    account.sealedKey = vault.newKey(account);
    await store.accounts.insert(account);
    return account;
  };
  const opens = async (vault: ReturnType<typeof createVault>, { id }: { id: string }) => {
    const holder = await store.accounts.byId(id);
    return holder !== null && vault.seal(holder, "idKey", "clear").startsWith("v1.");
  };
  await settleSecrets({ ...store, vault: createVault({ secret: old }) });
  const first = await stored(createVault({ secret: old }));
  const prepared = createVault({ secret: old, previous: next });
  await settleSecrets({ ...store, vault: prepared });
  expect(await rewrapKeys({ ...store, vault: prepared })()).toBe(0);

  const changed = createVault({ secret: next, previous: old });
  await settleSecrets({ ...store, vault: changed });
  expect(await opens(prepared, first)).toBe(true);
  const late = await stored(prepared);
  expect(await opens(changed, late)).toBe(true);
  // A replica that has not gone over takes nothing back.
  expect(await rewrapKeys({ ...store, vault: prepared })()).toBe(0);
  expect(await rewrapKeys({ ...store, vault: changed })()).toBe(1);
  expect(await rewrapKeys({ ...store, vault: changed })()).toBe(0);

  const alone = createVault({ secret: next });
  await settleSecrets({ ...store, vault: alone });
  expect([await opens(alone, first), await opens(alone, late)]).toEqual([true, true]);
  expect(await rewrapKeys({ ...store, vault: alone })()).toBe(0);
});
