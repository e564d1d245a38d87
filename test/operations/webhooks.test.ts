import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exampleOf } from "../../src/http/events/examples.ts";
import { randomId } from "../../src/mail/id.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import type { Webhook } from "../../src/mail/webhook.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import type { WebhookRow } from "../../src/store/webhook-rows.ts";
import { createVault } from "../../src/vault/vault.ts";
import { openSecrets } from "../../src/webhooks/secrets-of.ts";
import { settleSecrets } from "../../src/operations/settle-secrets.ts";
import { updateWebhook } from "../../src/operations/update-webhook.ts";
import { openWebhookHouse, sealingSecret, webhookInput, type WebhookHouse } from "./webhook-house.ts";

let house: WebhookHouse;
let run: WebhookHouse["operations"];
let caller: AppCaller;
let account: AccountRow;
let other: AccountRow;
let bound: AppCaller;
beforeEach(async () => {
  house = await openWebhookHouse();
  run = house.operations;
  ({ caller, account } = await house.tenant());
  other = await house.newAccount(caller.appId);
  bound = house.bound(caller, account.id);
});
afterEach(() => house.close());

const secretOf = (digit: string) => `whsec_${Buffer.alloc(32, digit).toString("base64")}`;
const notFound = { code: "not-found" };
const pointing = (pointer: string, code: string) => ({
  code: "validation-failed",
  details: { errors: [{ pointer, code }] },
});

async function rowOf({ id }: Pick<Webhook, "id">): Promise<WebhookRow> {
  const row = await house.store.webhooks.get(caller.appId, id);
  if (row === null) throw new Error("there is no such webhook");
  return row;
}

async function opened(webhook: Pick<Webhook, "id">) {
  return openSecrets(house.needs.vault, await rowOf(webhook), house.clock.now());
}

describe("storing a webhook", () => {
  test("mints a secret, seals it and the headers, and tells neither again", async () => {
    const made = await run.createWebhook(caller, webhookInput({ headers: { "X-Key": "canary-value" } }));
    expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(made).toMatchObject({ state: "enabled", headerNames: ["X-Key"], createdAt: "2026-11-22T12:00:00.000Z" });
    expect(await opened(made)).toEqual({ secrets: [made.secret], headers: { "X-Key": "canary-value" } });
    const { secret, ...read } = made;
    expect(await run.getWebhook(caller, made.id)).toEqual(read);
    const row = JSON.stringify(await house.store.webhooks.get(caller.appId, made.id));
    for (const hidden of [secret.slice(6), "canary-value"]) expect(row).not.toContain(hidden);
  });

  test("takes a secret of the caller's, and one that is disabled", async () => {
    const made = await run.createWebhook(caller, webhookInput({ secret: secretOf("1"), enabled: false }));
    expect(made).toMatchObject({ secret: secretOf("1"), state: "disabled", disabledBecause: "caller" });
    expect(made.disabledAt).toBe(made.createdAt);
  });

  test("an app has a hundred at most, whoever asks", async () => {
    for (let nth = 0; nth < 100; nth += 1) await run.createWebhook(caller, webhookInput());
    await expect(run.createWebhook(caller, webhookInput())).rejects.toMatchObject(pointing("", "too-many"));
    const { id } = (await run.listWebhooks(caller, { limit: 1 })).data[0] ?? { id: "" };
    await run.deleteWebhook(caller, id);
    await run.createWebhook(caller, webhookInput());
    const { caller: stranger } = await house.tenant();
    await run.createWebhook(stranger, webhookInput());
  });

  test("the secrets outlive another sealing secret", async () => {
    const made = await run.createWebhook(caller, webhookInput());
    await house.store.settings.put("seal-check", house.needs.vault.makeCheck());
    const secret = "another-sealing-secret-for-the-tests-012345";
    const accounts = { ...house.store.accounts, sealedKeys: async () => [] };
    await settleSecrets({ ...house.store, accounts, vault: createVault({ secret, previous: sealingSecret }) });
    const row = await house.store.webhooks.get(caller.appId, made.id);
    if (row === null) throw new Error("there is no such webhook");
    expect(openSecrets(createVault({ secret }), row, 0).secrets).toEqual([made.secret]);
  });
});

describe("accounts", () => {
  test("have to be the app's", async () => {
    const foreign = (await house.tenant()).account.id;
    for (const accountIds of [
      [account.id, foreign],
      [account.id, randomId("acc")],
    ])
      await expect(run.createWebhook(caller, webhookInput({ accountIds }))).rejects.toMatchObject(
        pointing("/accountIds/1", "unknown-account"),
      );
    const made = await run.createWebhook(caller, webhookInput({ accountIds: [account.id] }));
    await expect(run.updateWebhook(caller, made.id, { accountIds: [foreign] })).rejects.toMatchObject(
      pointing("/accountIds/0", "unknown-account"),
    );
  });

  test("a key that is bound to some makes webhooks of these, and makes none reach further", async () => {
    await expect(run.createWebhook(bound, webhookInput())).rejects.toMatchObject(pointing("/accountIds", "required"));
    await expect(run.createWebhook(bound, webhookInput({ accountIds: [other.id] }))).rejects.toMatchObject(
      pointing("/accountIds/0", "unknown-account"),
    );
    const made = await run.createWebhook(bound, webhookInput({ accountIds: [account.id] }));
    for (const [accountIds, pointer, code] of [
      [null, "/accountIds", "required"],
      [[account.id, other.id], "/accountIds/1", "unknown-account"],
    ] as const) {
      const change = { accountIds: accountIds && [...accountIds] };
      await expect(run.updateWebhook(bound, made.id, change)).rejects.toMatchObject(pointing(pointer, code));
    }
    expect(await run.updateWebhook(bound, made.id, { description: "ours" })).toMatchObject({ description: "ours" });
  });

  test("what reaches further than a key is not there for it", async () => {
    const own = await run.createWebhook(caller, webhookInput({ accountIds: [account.id] }));
    const both = await run.createWebhook(caller, webhookInput({ accountIds: [account.id, other.id] }));
    const all = await run.createWebhook(caller, webhookInput());
    expect((await run.listWebhooks(bound, { limit: 10 })).data.map(({ id }) => id)).toEqual([own.id]);
    const example = exampleOf("message.created");
    for (const { id } of [both, all]) {
      const { id: deliveryId } = await run.testWebhook(caller, id, example);
      for (const work of [
        run.getWebhook(bound, id),
        run.updateWebhook(bound, id, { enabled: false }),
        run.deleteWebhook(bound, id),
        run.testWebhook(bound, id, example),
        run.rotateWebhookSecret(bound, id, {}),
        run.listDeliveries(bound, id, { limit: 10 }),
        run.getDelivery(bound, id, deliveryId),
        run.redeliver(bound, id, deliveryId),
      ])
        await expect(work).rejects.toMatchObject(notFound);
    }
    const { caller: stranger } = await house.tenant();
    await expect(run.getWebhook(stranger, own.id)).rejects.toMatchObject(notFound);
  });

  test("what a webhook was told of accounts that it named before is not there for a key without these", async () => {
    const made = await run.createWebhook(caller, webhookInput({ accountIds: [account.id, other.id] }));
    const [ofOurs] = await house.tell(account, ["account.paused"]);
    await house.tell(other, ["account.paused"]);
    await run.updateWebhook(caller, made.id, { accountIds: [account.id] });
    const all = (await run.listDeliveries(caller, made.id, { limit: 10 })).data;
    expect(all).toHaveLength(2);
    const seen = (await run.listDeliveries(bound, made.id, { limit: 10 })).data;
    expect(seen.map(({ eventId }) => eventId)).toEqual([ofOurs]);
    const hidden = all.find(({ accountId }) => accountId === other.id)?.id ?? "";
    await expect(run.getDelivery(bound, made.id, hidden)).rejects.toMatchObject(notFound);
    await expect(run.redeliver(bound, made.id, hidden)).rejects.toMatchObject(notFound);
  });

  test("a test that was about such an account neither; one about no account is", async () => {
    const made = await run.createWebhook(caller, webhookInput({ accountIds: [other.id, account.id] }));
    const hidden = await run.testWebhook(caller, made.id, exampleOf("message.created"));
    expect(hidden.accountId).toBe(other.id);
    await run.updateWebhook(caller, made.id, { accountIds: [account.id] });
    const ours = await run.testWebhook(caller, made.id, exampleOf("message.created"));
    const aboutNone = await run.testWebhook(caller, made.id, exampleOf("webhook.disabled"));
    const seen = (await run.listDeliveries(bound, made.id, { limit: 10 })).data;
    expect(seen.map(({ id }) => id).toSorted()).toEqual([ours.id, aboutNone.id].toSorted());
    expect(await run.getDelivery(bound, made.id, aboutNone.id)).toMatchObject({ test: true, accountId: null });
    await expect(run.getDelivery(bound, made.id, hidden.id)).rejects.toMatchObject(notFound);
  });
});

describe("changing a webhook", () => {
  test("what is absent stays, null is all", async () => {
    const made = await run.createWebhook(
      caller,
      webhookInput({ types: ["message.created"], folderRoles: ["inbox"], accountIds: [account.id], maxPerSecond: 5 }),
    );
    await house.clock.advance(1000);
    const change = { types: null, accountIds: null, folderRoles: null, maxPerSecond: null, maxConcurrency: 3 };
    const { secret: _, ...before } = made;
    expect(await run.updateWebhook(caller, made.id, change)).toEqual({
      ...before,
      ...change,
      updatedAt: "2026-11-22T12:00:01.000Z",
    });
    expect(await run.getWebhook(caller, made.id)).toMatchObject(change);
    expect(house.woken).toEqual([`deliveries ${caller.appId}`]);
  });

  test("another origin or path needs the headers again", async () => {
    const { id } = await run.createWebhook(caller, webhookInput({ headers: { "X-Key": "one" } }));
    for (const url of [
      "https://other.example/hook",
      "https://receiver.example:8443/hook",
      "https://receiver.example/tenant",
      "https://receiver.example/hook/",
    ])
      await expect(run.updateWebhook(caller, id, { url })).rejects.toMatchObject(pointing("/headers", "required"));
    expect(await run.getWebhook(caller, id)).toMatchObject({ url: "https://receiver.example/hook" });
    await run.updateWebhook(caller, id, { url: "https://receiver.example/hook?a=b" });
    expect((await opened({ id })).headers).toEqual({ "X-Key": "one" });
    const url = "https://other.example/hook";
    expect(await run.updateWebhook(caller, id, { url, headers: { "X-Other": "two" } })).toMatchObject({
      url,
      headerNames: ["X-Other"],
    });
    expect((await opened({ id })).headers).toEqual({ "X-Other": "two" });
    await run.updateWebhook(caller, id, { url: "https://third.example/hook", headers: {} });
    expect((await opened({ id })).headers).toEqual({});
    await run.updateWebhook(caller, id, { url: "https://fourth.example/hook" });
  });

  test("enabling forgets what was found out about the receiver, as another URL does", async () => {
    const { id } = await run.createWebhook(caller, webhookInput());
    const now = house.clock.now();
    const event = {
      id: "evt_1",
      appId: caller.appId,
      accountId: "",
      externalId: null,
      createdAt: now,
      folderRoles: null,
    };
    const found = async () =>
      house.store.webhooks.note(await rowOf({ id }), { failingSince: now, holdUntil: now + 60_000 });
    await found();
    const held = { failingSince: "2026-11-22T12:00:00.000Z", holdUntil: "2026-11-22T12:01:00.000Z" };
    const well = { failingSince: null, holdUntil: null };
    expect(await run.updateWebhook(caller, id, { description: "still" })).toMatchObject(held);
    expect(await run.updateWebhook(caller, id, { enabled: true })).toMatchObject(held);
    expect(await run.updateWebhook(caller, id, { url: "https://receiver.example/" })).toMatchObject(well);
    await found();
    const told = { ...event, type: "webhook.disabled" as const, data: {} };
    expect(await house.store.webhooks.disable(await rowOf({ id }), "failing", now, told)).toBe(true);
    const off = { state: "disabled", disabledBecause: "failing", disabledAt: "2026-11-22T12:00:00.000Z" };
    // That it is off already, and why, stays.
    expect(await run.updateWebhook(caller, id, { enabled: false })).toMatchObject({ ...off, ...held });
    const on = { state: "enabled", disabledBecause: null, disabledAt: null, ...well };
    expect(await run.updateWebhook(caller, id, { enabled: true })).toMatchObject(on);
  });

  test("a time that has passed is not told", async () => {
    const { id } = await run.createWebhook(caller, webhookInput());
    await house.store.webhooks.note(await rowOf({ id }), { holdUntil: house.clock.now() + 60_000 });
    expect((await run.getWebhook(caller, id)).holdUntil).not.toBeNull();
    await house.clock.advance(60_000);
    expect((await run.getWebhook(caller, id)).holdUntil).toBeNull();
  });

  test("two at once both hold, whatever they change", async () => {
    const { id } = await run.createWebhook(caller, webhookInput());
    let meanwhile = 0;
    const { webhooks } = house.store;
    const racing = updateWebhook({
      ...house.needs,
      webhooks: {
        ...webhooks,
        async get(appId: string, webhookId: string) {
          const row = await webhooks.get(appId, webhookId);
          meanwhile += 1;
          if (meanwhile === 1) await run.updateWebhook(caller, id, { maxConcurrency: 7 });
          return row;
        },
      },
    });
    expect(await racing(caller, id, { description: "raced" })).toMatchObject({ maxConcurrency: 7 });
    expect(meanwhile).toBe(2);
    expect(await run.getWebhook(caller, id)).toMatchObject({ description: "raced", maxConcurrency: 7 });
  });
});

describe("rotating the secret", () => {
  test("the one before signs for a day, the one before that no more", async () => {
    const { id, secret: first } = await run.createWebhook(caller, webhookInput());
    const second = await run.rotateWebhookSecret(caller, id, {});
    expect(second.previousSecretUntil).toBe("2026-11-23T12:00:00.000Z");
    expect((await run.getWebhook(caller, id)).previousSecretUntil).toBe(second.previousSecretUntil);
    expect((await opened({ id })).secrets).toEqual([second.secret, first]);
    const third = await run.rotateWebhookSecret(caller, id, { secret: secretOf("3") });
    expect(third.secret).toBe(secretOf("3"));
    expect((await opened({ id })).secrets).toEqual([third.secret, second.secret]);
    await house.clock.advance(24 * 3_600_000);
    expect((await opened({ id })).secrets).toEqual([third.secret]);
    expect((await run.getWebhook(caller, id)).previousSecretUntil).toBeNull();
  });

  test("to the same secret changes nothing", async () => {
    const { id } = await run.createWebhook(caller, webhookInput({ secret: secretOf("1") }));
    const same = await run.rotateWebhookSecret(caller, id, { secret: secretOf("1") });
    expect(same).toEqual({ secret: secretOf("1"), previousSecretUntil: null });
    const rotated = await run.rotateWebhookSecret(caller, id, { secret: secretOf("2") });
    await house.clock.advance(1000);
    expect(await run.rotateWebhookSecret(caller, id, { secret: secretOf("2") })).toEqual(rotated);
    expect((await opened({ id })).secrets).toEqual([secretOf("2"), secretOf("1")]);
  });

  test("a secret that is none is refused", async () => {
    const { id } = await run.createWebhook(caller, webhookInput());
    for (const secret of ["", "whsec_", secretOf("1").slice(6), `whsec_${"A".repeat(30)}`, `${secretOf("1")}=`])
      await expect(run.rotateWebhookSecret(caller, id, { secret })).rejects.toMatchObject(
        pointing("/secret", "format"),
      );
  });
});
