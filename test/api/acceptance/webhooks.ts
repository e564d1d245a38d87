import { describe, expect, test } from "vitest";
import { Webhook as Verifier } from "standardwebhooks";
import { type Endpoint, first, type Got, ok, status, verified } from "../../servers/receiver.ts";
import { until } from "../watching.ts";
import { arrived, type Delivery, good, type Webhook } from "../webhooks.ts";
import { logOf, told, toldByLooks } from "./events.ts";
import {
  arrivedIn,
  lonely,
  messageAt,
  type Page,
  sent,
  sharedBoxes,
  type Stage,
  subjectOf,
  to,
  watchedBox,
} from "./stage.ts";
import { type App, newApp, refused } from "./target.ts";

/** A webhook of the app at the endpoint, signed by its secret. */
function webhookAt({ call }: App, { url, secret }: Endpoint, change: Record<string, unknown> = {}): Promise<Webhook> {
  return good(call<Webhook>("POST", "/v1/webhooks", { url, secret, ...change }));
}

async function deliveriesOf({ call }: App, { id }: Webhook): Promise<Delivery[]> {
  return (await good(call<Page<Delivery>>("GET", `/v1/webhooks/${id}/deliveries?limit=200`))).data;
}

/** The only delivery of a webhook, once it is as it should be. */
async function deliveryOf(app: App, webhook: Webhook, isGood: (one: Delivery) => boolean): Promise<Delivery> {
  const [one, ...more] = await until(
    () => deliveriesOf(app, webhook),
    ([newest]) => newest !== undefined && isGood(newest),
    20_000,
  );
  if (one === undefined || more.length > 0) throw new Error(`${more.length + 1} deliveries`);
  return one;
}

const isOver = ({ state }: Delivery): boolean => ["delivered", "failed", "parked"].includes(state);

/** What makes an app's events at will: an account that no server stands behind is resumed and paused. */
async function tellerOf({ call }: App): Promise<() => Promise<void>> {
  const { id } = await good(call<{ id: string }>("POST", "/v1/accounts", lonely("someone@postern.test")));
  return async () => {
    // Resuming tells nothing by itself.
    for (const verb of ["resume", "pause"]) await good(call("POST", `/v1/accounts/${id}/${verb}`));
  };
}

export function webhooksContract(stage: () => Stage): void {
  /** A webhook of an app of its own on an endpoint that behaves so, and what makes one event. */
  async function single(behaviour = ok, change: Record<string, unknown> = {}) {
    const app = await newApp(stage().target);
    const endpoint = stage().receiver.endpoint(behaviour);
    const webhook = await webhookAt(app, endpoint, change);
    const tell = await tellerOf(app);
    return { app, endpoint, webhook, tell, path: `/v1/webhooks/${webhook.id}` };
  }

  /** That the whole way was gone: what came is signed, is the log's event, and leads to the message. */
  async function expectWhole(app: App, webhook: Webhook, got: Got, subject: string): Promise<void> {
    expect(got).toMatchObject({ method: "POST", event: { type: "message.created", data: { subject } } });
    expect(got.headers["content-type"]).toBe("application/json");
    expect(got.id).toBe(got.event?.id);
    const log = await logOf(app.call, "&type=message.created");
    expect(log).toEqual([JSON.parse(got.body)]);
    const done = await deliveryOf(app, webhook, isOver);
    expect(done).toMatchObject({
      state: "delivered",
      eventId: got.id,
      attemptCount: 1,
      attempts: [{ status: 204, error: null }],
      nextAttemptAt: null,
    });
  }

  describe("webhooks", () => {
    test.each([
      ["IMAP", "ann", "bob"],
      ["IMAP with STARTTLS", "bob", "ann"],
    ] as const)("are called about mail that came by SMTP to a mailbox by %s, signed", async (_, servers, from) => {
      const { app, box } = await watchedBox(stage(), sharedBoxes[servers], { externalId: "user-4711" });
      const endpoint = stage().receiver.endpoint();
      const headers = { "X-Customer": "told-to-nobody-else" };
      const webhook = await webhookAt(app, endpoint, { types: ["message.created"], folderRoles: ["inbox"], headers });
      expect(webhook).toMatchObject({ state: "enabled", headerNames: ["X-Customer"], accountIds: null });
      const subject = subjectOf("by SMTP");
      await sent(stage().boxes[from], { to: to(box), subject, text: "Hello." });
      const got = await told(stage(), box, () => endpoint.got[0]);
      await expectWhole(app, webhook, got, subject);
      expect(got.headers["x-customer"]).toBe(headers["X-Customer"]);
      expect(got.event).toMatchObject({ accountId: box.id, externalId: "user-4711" });
      const message = await good(app.call("GET", messageAt(box, { id: got.event?.data.id ?? "" })));
      expect(message).toMatchObject({ subject, text: expect.stringContaining("Hello.") });
      // Nobody else's secret opens it, and not one changed octet.
      const other = new Verifier(Buffer.alloc(24, 1).toString("base64"));
      expect(() => other.verify(got.body, got.headers as Record<string, string>)).toThrow(/signature/i);
      expect(verified(endpoint.secret, got.headers, got.body.replace(subject, `${subject}!`))).toBeNull();
    });

    // oxlint-disable-next-line vitest/expect-expect -- expectWhole does
    test("are called about mail that came to a POP3 mailbox, signed", async () => {
      const { app, box } = await watchedBox(stage(), sharedBoxes.cleo);
      const endpoint = stage().receiver.endpoint();
      const webhook = await webhookAt(app, endpoint, { types: ["message.created"] });
      const subject = subjectOf("by SMTP");
      await sent(stage().boxes.ann, { to: to(box), subject, text: "Hello." });
      await arrivedIn(box, subject);
      const got = await toldByLooks(box, () => endpoint.got[0]);
      await expectWhole(app, webhook, got, subject);
    });

    test("that fail are called again, with the same id and body", async () => {
      const { app, endpoint, webhook, tell } = await single(first(1, status(500, {}, "out of order")));
      await tell();
      const [before, after] = await arrived(endpoint, 2, 25_000);
      expect([after?.id, after?.body]).toEqual([before?.id, before?.body]);
      expect((after?.at ?? 0) - (before?.at ?? 0)).toBeGreaterThan(4_000);
      const done = await deliveryOf(app, webhook, isOver);
      expect(done).toMatchObject({
        state: "delivered",
        attemptCount: 2,
        attempts: [{ status: 500, excerpt: "out of order" }, { status: 204 }],
      });
    });

    test("get what they ask for by type and account, and no more", async () => {
      const { app, endpoint, tell } = await single();
      const [never, paused, unsigned] = [0, 0, 0].map(() => stage().receiver.endpoint());
      if (!never || !paused || !unsigned) throw new Error("no endpoints");
      await webhookAt(app, never, { types: ["message.created"] });
      await webhookAt(app, paused, { types: ["account.paused"] });
      // Postern makes the secret.
      const { secret: _, ...bare } = unsigned;
      const minted = await webhookAt(app, bare as Endpoint);
      unsigned.secret = minted.secret ?? "";
      await tell();
      await tell();
      for (const one of [endpoint, paused, unsigned]) {
        const got = await arrived(one, 2);
        expect(got.map(({ event }) => event?.type)).toEqual(["account.paused", "account.paused"]);
      }
      expect(never.got).toEqual([]);
      const ids = (await logOf(app.call)).map(({ id }) => id);
      expect(paused.got.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    });

    test("that say 410 are disabled, which is told, and come back when they are enabled", async () => {
      const { app, endpoint, webhook, tell, path } = await single(first(1, status(410)));
      const other = stage().receiver.endpoint();
      await webhookAt(app, other, { types: ["webhook.disabled"] });
      await tell();
      const [got] = await arrived(other, 1);
      expect(got?.event).toMatchObject({
        type: "webhook.disabled",
        accountId: null,
        data: { webhookId: webhook.id, reason: "gone" },
      });
      expect((await deliveryOf(app, webhook, isOver)).state).toBe("failed");
      const gone = await good(app.call<Webhook>("GET", path));
      expect(gone).toMatchObject({ state: "disabled", disabledBecause: "gone" });
      await tell();
      const back = await good(app.call<Webhook>("PATCH", path, { enabled: true }));
      expect(back).toMatchObject({ state: "enabled", disabledBecause: null });
      await tell();
      const [, again] = await arrived(endpoint, 2);
      expect(again?.event?.type).toBe("account.paused");
      expect(await deliveriesOf(app, webhook)).toHaveLength(2);
    });

    test("are tested at once, and deliver again what is asked for again", async () => {
      const { app, endpoint, webhook, tell, path } = await single();
      const tested = await app.call<Delivery>("POST", `${path}/test`, { type: "message.created" });
      expect([tested.status, tested.body]).toMatchObject([200, { state: "delivered", attempts: [{ status: 204 }] }]);
      expect(endpoint.got[0]?.event).toMatchObject({ id: tested.body.eventId, type: "message.created" });
      expect(await logOf(app.call, "&type=message.created")).toEqual([]);
      await tell();
      const [, one] = await arrived(endpoint, 2);
      const all = await until(
        () => deliveriesOf(app, webhook),
        (some) => some.length > 1 && some.every(isOver),
      );
      const { id = "" } = all.find(({ eventId }) => eventId === one?.id) ?? {};
      expect((await app.call("POST", `${path}/deliveries/${id}/redeliver`)).status).toBe(202);
      const [, , two] = await arrived(endpoint, 3);
      expect([two?.id, two?.body]).toEqual([one?.id, one?.body]);
      const twice = await until(
        () => good(app.call<Delivery>("GET", `${path}/deliveries/${id}`)),
        ({ attemptCount, state }) => attemptCount === 2 && state === "delivered",
      );
      expect(twice.attempts).toMatchObject([{ status: 204 }, { status: 204 }]);
    });

    test("sign by their new secret and by the one before", async () => {
      const { app, endpoint, tell, path } = await single();
      const rotated = await good(app.call<Webhook>("POST", `${path}/rotate-secret`, {}));
      expect(rotated.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(Date.parse(rotated.previousSecretUntil ?? "")).toBeGreaterThan(Date.now() + 86_000_000);
      await tell();
      const [got] = await arrived(endpoint, 1);
      expect(String(got?.headers["webhook-signature"]).split(" ")).toHaveLength(2);
      for (const secret of [endpoint.secret, rotated.secret ?? ""])
        expect(verified(secret, got?.headers ?? {}, got?.body ?? "")).not.toBeNull();
      expect((await app.call("GET", path)).text).not.toContain("whsec_");
    });

    test("are refused where they must not lead, and gone when they are deleted", async () => {
      const { app, endpoint, webhook, tell, path } = await single();
      const make = (change: object) => app.call("POST", "/v1/webhooks", { url: endpoint.url, ...change });
      expect(refused(await make({ url: "https://10.0.0.1/" }))).toEqual([422, "address-not-allowed"]);
      for (const change of [
        { url: "ftp://127.0.0.1/" },
        { url: "nonsense" },
        { types: ["nothing"] },
        { secret: "whsec_short" },
        { headers: { Host: "elsewhere" } },
        { surplus: 1 },
      ])
        expect(refused(await make(change))).toEqual([422, "validation-failed"]);
      const listed = await good(app.call<Page<Webhook>>("GET", "/v1/webhooks"));
      expect(listed.data.map(({ id }) => id)).toEqual([webhook.id]);
      for (const below of ["", "/deliveries"])
        expect(refused(await stage().call("GET", path + below))).toEqual([404, "not-found"]);

      expect((await app.call("DELETE", path)).status).toBe(204);
      for (const [method, below] of [
        ["GET", ""],
        ["PATCH", ""],
        ["GET", "/deliveries"],
        ["DELETE", ""],
      ] as const) {
        const body = method === "PATCH" ? { enabled: false } : undefined;
        expect(refused(await app.call(method, path + below, body))).toEqual([404, "not-found"]);
      }
      const other = stage().receiver.endpoint();
      await webhookAt(app, other);
      await tell();
      await arrived(other, 1);
      expect(endpoint.got.filter(({ event }) => event?.type !== "account.paused")).toEqual([]);
    });
  });
}
