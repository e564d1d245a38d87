import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exampleOf } from "../../src/http/events/examples.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import type { DeliveryState } from "../../src/mail/webhook.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { answered, openWebhookHouse, webhookInput, type WebhookHouse } from "./webhook-house.ts";

let house: WebhookHouse;
let run: WebhookHouse["operations"];
let caller: AppCaller;
let account: AccountRow;
beforeEach(async () => {
  house = await openWebhookHouse();
  run = house.operations;
  ({ caller, account } = await house.tenant());
});
afterEach(() => house.close());

const notFound = { code: "not-found" };
const example = exampleOf("message.created");

describe("a test", () => {
  test("is signed, of the first account that is named, and stands among the deliveries", async () => {
    const made = await run.createWebhook(
      caller,
      webhookInput({ accountIds: [account.id], types: ["folder.reset"], headers: { "X-Key": "one" }, enabled: false }),
    );
    const done = await run.testWebhook(caller, made.id, example);
    expect(done).toMatchObject({ test: true, state: "delivered", attemptCount: 1, accountId: account.id });
    expect(done).toMatchObject({ attempts: [{ status: 204, error: null }], nextAttemptAt: null });
    expect(await run.getDelivery(caller, made.id, done.id)).toEqual(done);
    const [request] = house.posted;
    expect(request?.headers).toMatchObject({ "X-Key": "one", "webhook-id": done.eventId });
    const { "webhook-timestamp": seconds = "", "webhook-signature": signature } = request?.headers ?? {};
    expect(Number(seconds)).toBe(house.clock.now() / 1000);
    const hmac = createHmac("sha256", Buffer.from(made.secret.slice("whsec_".length), "base64"));
    expect(signature).toBe(`v1,${hmac.update(`${done.eventId}.${seconds}.${request?.body}`).digest("base64")}`);
    const told = JSON.parse(request?.body ?? "") as Record<string, unknown>;
    expect(told).toEqual({
      ...example,
      id: done.eventId,
      createdAt: "2026-11-22T12:00:00.000Z",
      accountId: account.id,
      sequence: 0,
      data: { ...example.data, accountId: account.id },
    });
    expect(await house.store.events.bounds(caller.appId)).toMatchObject({ newest: 0 });
  });

  test("fails once and for all, and a 410 to it disables nothing", async () => {
    const { id } = await run.createWebhook(caller, webhookInput());
    for (const status of [500, 410, 302]) {
      house.receiver.answer = async () => ({ ...answered(status, "no"), retryAfter: "60" });
      const done = await run.testWebhook(caller, id, example);
      expect(done).toMatchObject({ state: "failed", nextAttemptAt: null, attempts: [{ status, excerpt: "no" }] });
    }
    expect(await run.getWebhook(caller, id)).toMatchObject({ state: "enabled", failingSince: null, holdUntil: null });
    const [one] = (await run.listDeliveries(caller, id, { limit: 10 })).data;
    await expect(run.redeliver(caller, id, one?.id ?? "")).rejects.toMatchObject({ code: "not-changeable" });
  });

  test("an app has ten under way at most", async () => {
    const { id } = await run.createWebhook(caller, webhookInput());
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    house.receiver.answer = async () => {
      await released;
      return answered(204);
    };
    const all = Array.from({ length: 11 }, () => run.testWebhook(caller, id, example));
    const results = Promise.allSettled(all);
    while (house.posted.length < 10) await new Promise((resolve) => setTimeout(resolve, 5));
    release();
    const refused = (await results).filter((result) => result.status === "rejected");
    expect(refused).toMatchObject([{ reason: { code: "rate-limited", details: { retryAfter: 5 } } }]);
    expect(house.posted).toHaveLength(10);
    await run.testWebhook(caller, id, example);
  });

  test("is no dispatcher's of its process, which may yet begin and give up what had its name", async () => {
    const { id } = await run.createWebhook(caller, webhookInput());
    const by = { owner: "x", now: house.clock.now() + 1, leaseMs: 1_000, limit: 9 };
    house.receiver.answer = async () => {
      await house.store.deliveries.abandon("test", house.clock.now());
      expect(await house.store.deliveries.claim(id, by)).toEqual([]);
      return answered(204);
    };
    expect(await run.testWebhook(caller, id, example)).toMatchObject({ state: "delivered" });
    const { data } = await run.listDeliveries(caller, id, { limit: 1 });
    expect(data).toMatchObject([{ test: true, state: "delivered" }]);
  });

  test("a webhook that is removed meanwhile has none", async () => {
    const { id } = await run.createWebhook(caller, webhookInput());
    const { deliveries } = house.store;
    const insertTest = deliveries.insertTest.bind(deliveries);
    deliveries.insertTest = async (...given) => {
      await run.deleteWebhook(caller, id);
      return insertTest(...given);
    };
    await expect(run.testWebhook(caller, id, example)).rejects.toMatchObject(notFound);
    expect(house.posted).toEqual([]);
  });
});

describe("deliveries", () => {
  /** Deliveries of as many events, all waiting. */
  async function waiting(count: number): Promise<{ id: string; ids: string[] }> {
    const { id } = await run.createWebhook(caller, webhookInput());
    for (let nth = 0; nth < count; nth += 1) {
      await house.clock.advance(1);
      await house.tell(account, ["account.paused"]);
    }
    const { data } = await run.listDeliveries(caller, id, { limit: 200 });
    return { id, ids: data.map((one) => one.id) };
  }

  async function settle(webhookId: string, state: "delivered" | "failed" | "parked", limit = 1): Promise<void> {
    const by = { owner: "x", now: house.clock.now(), leaseMs: 1000, limit };
    const claims = await house.store.deliveries.claim(webhookId, by);
    const over = { state, tries: 1, attemptCount: 1, attempts: [], nextAttemptAt: null, finishedAt: 5 };
    await house.store.deliveries.settle(claims.map(({ delivery, epoch }) => ({ id: delivery.id, epoch, ...over })));
  }

  test("pages go down by time; a cursor is of its webhook and its filter", async () => {
    const { id, ids } = await waiting(5);
    expect(ids).toEqual(ids.toSorted().reverse());
    const first = await run.listDeliveries(caller, id, { limit: 2 });
    const second = await run.listDeliveries(caller, id, { limit: 2, cursor: first.nextCursor ?? "" });
    const third = await run.listDeliveries(caller, id, { limit: 2, cursor: second.nextCursor ?? "" });
    expect([first, second, third].map(({ data }) => data.length)).toEqual([2, 2, 1]);
    expect([first, second, third].flatMap(({ data }) => data.map((one) => one.id))).toEqual(ids);
    expect(third.nextCursor).toBeNull();

    const cursor = first.nextCursor ?? "";
    const beside = await run.createWebhook(caller, webhookInput());
    const invalid = { code: "invalid-cursor" };
    await expect(run.listDeliveries(caller, beside.id, { limit: 2, cursor })).rejects.toMatchObject(invalid);
    await expect(run.listDeliveries(caller, id, { limit: 2, cursor, state: ["failed"] })).rejects.toMatchObject(
      invalid,
    );
    await expect(run.listWebhooks(caller, { limit: 2, cursor })).rejects.toMatchObject(invalid);
    const page = await run.listWebhooks(caller, { limit: 1 });
    const goesOn = { limit: 1, cursor: page.nextCursor ?? "" };
    await expect(run.listWebhooks(house.bound(caller, account.id), goesOn)).rejects.toMatchObject(invalid);
    expect((await run.listWebhooks(caller, goesOn)).data.map((one) => one.id)).toEqual([beside.id]);
  });

  test("are chosen by state, the order of states saying nothing", async () => {
    const { id, ids } = await waiting(4);
    await settle(id, "delivered");
    await settle(id, "failed");
    const found = async (...state: DeliveryState[]) =>
      (await run.listDeliveries(caller, id, { limit: 10, state })).data.map((one) => one.id);
    expect(await found("pending")).toEqual(ids.slice(0, 2));
    expect(await found("delivered", "failed")).toEqual(ids.slice(2));
    expect(await found("parked")).toEqual([]);
    const first = await run.listDeliveries(caller, id, { limit: 1, state: ["failed", "delivered", "failed"] });
    const cursor = first.nextCursor ?? "";
    const second = await run.listDeliveries(caller, id, { limit: 1, state: ["delivered", "failed"], cursor });
    expect(second.data.map((one) => one.id)).toEqual(ids.slice(3));
  });

  test("are delivered again from the start, whatever has become of them", async () => {
    const { id, ids } = await waiting(4);
    for (const state of ["delivered", "failed", "parked"] as const) await settle(id, state);
    house.woken.length = 0;
    for (const one of ids) {
      expect(await run.redeliver(caller, id, one)).toMatchObject({
        id: one,
        state: "pending",
        nextAttemptAt: new Date(house.clock.now()).toISOString(),
        finishedAt: null,
      });
    }
    expect(house.woken).toEqual(ids.map(() => `deliveries ${caller.appId}`));
  });

  test("wait for the end of their webhook's hold, and say so", async () => {
    const { id, ids } = await waiting(1);
    const [one = ""] = ids;
    const row = await house.store.webhooks.byId(id);
    const holdUntil = house.clock.now() + 3_600_000;
    if (row !== null) await house.store.webhooks.note(row, { holdUntil });
    const nextAttemptAt = new Date(holdUntil).toISOString();
    expect(await run.redeliver(caller, id, one)).toMatchObject({ state: "pending", nextAttemptAt });
    expect(await run.getDelivery(caller, id, one)).toMatchObject({ nextAttemptAt });
    expect((await run.listDeliveries(caller, id, { limit: 1 })).data).toMatchObject([{ nextAttemptAt }]);
    // Another receiver has asked for nothing.
    await run.updateWebhook(caller, id, { url: "https://new.example/" });
    const now = new Date(house.clock.now()).toISOString();
    expect(await run.getDelivery(caller, id, one)).toMatchObject({ nextAttemptAt: now });
  });

  test("are not, of an account that the webhook no longer names", async () => {
    const { id, ids } = await waiting(1);
    const [one = ""] = ids;
    await settle(id, "failed");
    const beside = await house.newAccount(caller.appId);
    await run.updateWebhook(caller, id, { accountIds: [beside.id] });
    const detail = "The webhook no longer names the account that this event is about.";
    await expect(run.redeliver(caller, id, one)).rejects.toMatchObject({ code: "not-changeable", message: detail });
    await run.updateWebhook(caller, id, { accountIds: [beside.id, account.id] });
    expect(await run.redeliver(caller, id, one)).toMatchObject({ state: "pending" });
  });

  test("are not, while one is under way, the webhook is off, or the event is gone", async () => {
    const { id, ids } = await waiting(1);
    const [one = ""] = ids;
    const by = { owner: "x", now: house.clock.now(), leaseMs: 1000, limit: 1 };
    const claims = await house.store.deliveries.claim(id, by);
    const again = () => run.redeliver(caller, id, one);
    await expect(again()).rejects.toMatchObject({ code: "not-changeable", message: "The delivery is under way." });
    const failed = { state: "failed" as const, tries: 1, attemptCount: 1, attempts: [], nextAttemptAt: null };
    await house.store.deliveries.settle(claims.map(({ epoch }) => ({ id: one, epoch, ...failed, finishedAt: 5 })));
    await run.updateWebhook(caller, id, { enabled: false });
    await expect(again()).rejects.toMatchObject({ code: "not-changeable", message: "The webhook is disabled." });
    await run.updateWebhook(caller, id, { enabled: true });
    await house.store.events.sweep(house.clock.now() + 1);
    await expect(again()).rejects.toMatchObject({ code: "changes-expired" });
    await expect(run.redeliver(caller, id, "dlv_00000000000000000000000000")).rejects.toMatchObject(notFound);
    const beside = await run.createWebhook(caller, webhookInput());
    await expect(run.getDelivery(caller, beside.id, one)).rejects.toMatchObject(notFound);
    await run.deleteWebhook(caller, id);
    await expect(run.listDeliveries(caller, id, { limit: 1 })).rejects.toMatchObject(notFound);
  });
});
