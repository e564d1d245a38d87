import type { Socket } from "node:net";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import type { User } from "../servers/mailboxes.ts";
import {
  blackHole,
  endless,
  first,
  garbage,
  late,
  ok,
  type Receiver,
  reset,
  startReceiver,
  status,
  verified,
} from "../servers/receiver.ts";
import { asAnother } from "../servers/as-another.ts";
import { accountOn, type Api, startApi } from "./start.ts";
import { letter, until, untilLooked } from "./watching.ts";
import {
  type App,
  arrived,
  deliveriesOf,
  delivery,
  type Delivery,
  good,
  newApp,
  tellerOf,
  type Webhook,
  webhookAt,
} from "./webhooks.ts";

const timeoutMs = 1_500;

let stack: MailStack;
let api: Api;
let receiver: Receiver;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi({ watchEvery: { folders: 700, maildrop: 500 }, webhookTimeoutMs: timeoutMs });
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver.stop();
  await api.stop();
  await stack.stop();
});

/** Hands a mail to Postfix, as another mail server does. */
async function sendTo(user: User, subject: string): Promise<void> {
  const { host, ports } = stack.postfix;
  const transport = createTransport({ host, port: ports.smtp, secure: false, ignoreTLS: true });
  const envelope = { from: "ann@elsewhere.test", to: user.username };
  await transport.sendMail({ envelope, raw: letter(subject).replaceAll("\n", "\r\n") });
  transport.close();
}

/** A watched mailbox of the app, looked at once. */
async function watchedBy(app: App): Promise<{ user: User; path: string; id: string }> {
  const user = stack.dovecot.user();
  const { id } = await good(app.call<{ id: string }>("POST", "/v1/accounts", accountOn(stack, user)));
  const path = `/v1/accounts/${id}`;
  await untilLooked(api, path);
  return { user, path, id };
}

const deadOrDone = ({ state }: Delivery): boolean => ["delivered", "failed", "parked"].includes(state);
const tried = ({ attemptCount }: Delivery): boolean => attemptCount > 0;

/** A webhook of an app of its own on an endpoint that behaves so, and what makes one event. */
async function single(...[behaviour]: Parameters<Receiver["endpoint"]>) {
  const app = await newApp(api);
  const endpoint = receiver.endpoint(behaviour);
  const teller = await tellerOf(app);
  const webhook = await webhookAt(app, endpoint);
  return { app, endpoint, webhook, ...teller };
}

describe.concurrent("webhooks", () => {
  test("mail sent by SMTP is told at once, signed, with the id that gives the message", async () => {
    const app = await newApp(api);
    const { user, path } = await watchedBy(app);
    const endpoint = receiver.endpoint();
    const webhook = await webhookAt(app, endpoint, { headers: { "X-Customer": "told-to-nobody-else" } });
    expect(webhook).toMatchObject({ state: "enabled", headerNames: ["X-Customer"], accountIds: null });

    await sendTo(user, "by SMTP");
    const sent = Date.now();
    const [got] = await arrived(endpoint, 1);
    // Dovecot tells of it after half a second.
    expect((got?.at ?? Number.NaN) - sent).toBeLessThan(3_000);
    expect(got).toMatchObject({ method: "POST", event: { type: "message.created", data: { subject: "by SMTP" } } });
    expect(got?.headers).toMatchObject({ "content-type": "application/json", "x-customer": "told-to-nobody-else" });
    expect(got?.headers["user-agent"]).toMatch(/^Postern/);
    expect(got?.id).toBe(got?.event?.id);

    const message = await app.call<{ subject: string; text: string }>("GET", `${path}/messages/${got?.event?.data.id}`);
    expect(message.body).toMatchObject({ subject: "by SMTP", text: expect.stringContaining("Hello.") });
    const log = await good(app.call<{ data: unknown[] }>("GET", "/v1/events?type=message.created"));
    expect(log.data).toEqual([JSON.parse(got?.body ?? "")]);
    const done = await delivery(app, webhook, deadOrDone);
    expect(done).toMatchObject({
      state: "delivered",
      eventId: got?.id,
      attemptCount: 1,
      attempts: [{ status: 204, error: null }],
    });
  });

  test("mail reaches each webhook that asks for its type, account and folder role, and no other", async () => {
    const app = await newApp(api);
    const mine = await watchedBy(app);
    const other = await watchedBy(app);
    const endpoints = {
      all: {},
      "deleted only": { types: ["message.deleted"] },
      created: { types: ["message.created"] },
      "the other account": { accountIds: [other.id] },
      "in sent": { folderRoles: ["sent"] },
      "in inbox or sent": { folderRoles: ["inbox", "sent"], types: ["message.created"] },
      "everything about this account": {
        accountIds: [mine.id],
        types: ["message.created", "message.deleted"],
        folderRoles: null,
      },
    };
    const got = new Map<string, () => string[]>();
    for (const [name, filter] of Object.entries(endpoints)) {
      const endpoint = receiver.endpoint();
      await webhookAt(app, endpoint, filter);
      got.set(name, () => endpoint.got.map(({ event }) => `${event?.type} ${event?.data.subject ?? ""}`.trim()));
    }
    await asAnother(stack.dovecot, mine.user, async (client) => {
      await client.append("INBOX", letter("one"));
      await client.append("Sent", letter("two"));
      await client.append("Archive", letter("three"));
    });
    await asAnother(stack.dovecot, other.user, (client) => client.append("INBOX", letter("four")));
    const toldAll = async (): Promise<number> => got.get("all")?.().length ?? 0;
    await until(toldAll, (count) => count >= 4);
    await asAnother(stack.dovecot, mine.user, async (client) => {
      await client.mailboxOpen("Archive");
      await client.messageDelete("1", { uid: true });
    });
    await until(toldAll, (count) => count >= 5);
    const created = ["one", "two", "three", "four"].map((subject) => `message.created ${subject}`);
    const [one = "", two = "", three = "", four = ""] = created;
    const expected: Record<keyof typeof endpoints, string[]> = {
      all: [...created, "message.deleted"],
      "deleted only": ["message.deleted"],
      created,
      "the other account": [four],
      "in sent": [two],
      "in inbox or sent": [one, two, four],
      "everything about this account": [one, two, three, "message.deleted"],
    };
    const told = () => Object.fromEntries([...got].map(([name, list]) => [name, list().toSorted()]));
    const count = Object.values(expected).flat().length;
    await until(
      async () => told(),
      (all) => Object.values(all).flat().length >= count,
    );
    expect(told()).toEqual(Object.fromEntries(Object.entries(expected).map(([name, list]) => [name, list.toSorted()])));
  });

  test("an endpoint whose name has come to mean this machine is not called, and the attempt says so", async () => {
    const port = receiver.port;
    const outside = await startReceiver({ host: "127.0.0.2", port });
    let address = "127.0.0.2";
    const guarded = await startApi({ resolve: async () => [address], allowNetworks: ["127.0.0.2/32"] });
    const app = await newApp(guarded);
    const endpoint = outside.endpoint();
    endpoint.url = endpoint.url.replace("127.0.0.2", "hook.example.test");
    const webhook = await webhookAt(app, endpoint);
    const test = () => app.call<Delivery>("POST", `/v1/webhooks/${webhook.id}/test`, { type: "message.created" });
    expect((await good(test())).state).toBe("delivered");
    address = "127.0.0.1";
    const refused = await until(
      () => good(test()),
      ({ state }) => state === "failed",
      20_000,
    );
    expect(refused.attempts).toMatchObject([{ status: null, error: { code: "address-not-allowed" } }]);
    expect(receiver.strays).toEqual([]);
    await outside.stop();
    await guarded.stop();
  });

  test("an endpoint that fails once gets it again after five seconds, under the same id", async () => {
    const { app, endpoint, webhook, tell } = await single(first(1, status(500, {}, "out of order")));
    await tell();
    const [before, after] = await arrived(endpoint, 2);
    expect(after?.id).toBe(before?.id);
    expect(after?.body).toBe(before?.body);
    const pause = (after?.at ?? 0) - (before?.at ?? 0);
    expect(pause).toBeGreaterThan(4_000);
    expect(pause).toBeLessThan(8_000);
    const done = await delivery(app, webhook, deadOrDone);
    expect(done).toMatchObject({
      state: "delivered",
      attempts: [{ status: 500, error: null, excerpt: "out of order" }, { status: 204 }],
      nextAttemptAt: null,
    });
    expect(Number(after?.headers["webhook-timestamp"])).toBeGreaterThan(Number(before?.headers["webhook-timestamp"]));
  });

  test.each([
    ["never answers", blackHole, { status: null, error: { code: "upstream-timeout" } }],
    ["answers too late", late(timeoutMs + 1_000), { status: null, error: { code: "upstream-timeout" } }],
    ["resets the connection", reset, { status: null, error: { code: "upstream-unreachable" } }],
    [
      "redirects",
      status(302, { Location: "/elsewhere" }, "go there"),
      { status: 302, error: null, excerpt: "go there" },
    ],
    ["has no such path", status(404), { status: 404, error: null }],
  ] as const)("an endpoint that %s is tried again later", async (_, behaviour, attempt) => {
    const { app, endpoint, webhook, tell } = await single(behaviour);
    await tell();
    const waiting = await delivery(app, webhook, (one) => tried(one) && one.state === "pending");
    expect(waiting.attempts).toMatchObject([attempt]);
    expect(waiting.attempts[0]?.durationMs).toBeLessThan(timeoutMs + 1_000);
    const wait = Date.parse(waiting.nextAttemptAt ?? "") - Date.now();
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThan(6_000);
    endpoint.behaviour = ok;
    await good(app.call("POST", `/v1/webhooks/${webhook.id}/deliveries/${waiting.id}/redeliver`));
    expect((await delivery(app, webhook, deadOrDone)).state).toBe("delivered");
    expect(receiver.strays).toEqual([]);
    await until(
      () => good(app.call<Webhook>("GET", `/v1/webhooks/${webhook.id}`)),
      ({ failingSince }) => failingSince === null,
    );
  });

  test.each([
    ["answers 200 with garbage", garbage],
    ["answers 200 with a body without end", endless],
  ] as const)("an endpoint that %s has it, and little of that is read", async (_, behaviour) => {
    const sockets: (Socket | null)[] = [];
    const { app, endpoint, webhook, tell } = await single((response, nth) => {
      sockets.push(response.socket);
      return behaviour(response, nth);
    });
    await tell();
    const done = await delivery(app, webhook, deadOrDone);
    expect(done).toMatchObject({ state: "delivered", attempts: [{ status: 200, error: null }] });
    expect(done.attempts[0]?.excerpt?.length).toBeLessThanOrEqual(1_000);
    await until(
      async () => endpoint.open(),
      (open) => open === 0,
    );
    // Little but what waits in the system's buffers.
    expect(sockets.map((socket) => (socket?.bytesWritten ?? 0) < 16 * 1024 * 1024)).toEqual([true]);
  });

  test("an endpoint that has a certificate that nobody vouches for is not told anything", async () => {
    const secure = await startReceiver({ certificate: stack.certificates.selfSigned });
    const app = await newApp(api);
    const endpoint = secure.endpoint();
    const webhook = await webhookAt(app, endpoint);
    await (await tellerOf(app)).tell();
    const waiting = await delivery(app, webhook, tried);
    expect(waiting).toMatchObject({
      state: "pending",
      attempts: [{ status: null, error: { code: "tls-verification-failed" } }],
    });
    expect(endpoint.got).toEqual([]);
    await secure.stop();
  });

  test("an endpoint that says 410 is disabled, which another one is told of and the log", async () => {
    const { app, endpoint, webhook, tell } = await single(status(410));
    const other = receiver.endpoint();
    await webhookAt(app, other, { types: ["webhook.disabled"] });
    await tell();
    const [got] = await arrived(other, 1);
    expect(got?.event).toMatchObject({
      type: "webhook.disabled",
      accountId: null,
      data: { webhookId: webhook.id, reason: "gone" },
    });
    expect((await delivery(app, webhook, deadOrDone)).state).toBe("failed");
    const gone = await good(app.call<Webhook>("GET", `/v1/webhooks/${webhook.id}`));
    expect(gone).toMatchObject({ state: "disabled", disabledBecause: "gone" });
    const log = await good(app.call<{ data: unknown[] }>("GET", "/v1/events?type=webhook.disabled"));
    expect(log.data).toEqual([JSON.parse(got?.body ?? "")]);
    await tell();
    expect(endpoint.got).toHaveLength(1);

    endpoint.behaviour = ok;
    const back = await good(app.call<Webhook>("PATCH", `/v1/webhooks/${webhook.id}`, { enabled: true }));
    expect(back).toMatchObject({ state: "enabled", disabledBecause: null });
    await tell();
    await arrived(endpoint, 2);
    expect(await deliveriesOf(app, webhook)).toHaveLength(2);
  });

  test("an endpoint that says 429 with Retry-After is left alone until then, with all that is for it", async () => {
    const { app, endpoint, webhook, tell } = await single(first(1, status(429, { "Retry-After": "7" })));
    await tell();
    await delivery(app, webhook, tried);
    const [refused] = await arrived(endpoint, 1);
    await tell();
    const [, ...rest] = await arrived(endpoint, 3);
    for (const { at } of rest) expect(at - (refused?.at ?? 0)).toBeGreaterThan(6_900);
    const all = await until(
      () => deliveriesOf(app, webhook),
      (some) => some.every(deadOrDone),
    );
    expect(all.map(({ state, attemptCount }) => [state, attemptCount])).toEqual([
      ["delivered", 1],
      ["delivered", 2],
    ]);
  });

  test("a webhook signs by its new secret and the one before, which the answer tells the end of", async () => {
    const { app, endpoint, webhook, tell } = await single();
    const rotate = (body?: unknown) =>
      good(app.call<Webhook>("POST", `/v1/webhooks/${webhook.id}/rotate-secret`, body));
    const rotated = await rotate({});
    expect(rotated.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const day = Date.parse(rotated.previousSecretUntil ?? "") - Date.now();
    expect(day).toBeGreaterThan(86_300_000);
    expect(day).toBeLessThanOrEqual(86_400_000);
    await tell();
    const [got] = await arrived(endpoint, 1);
    const { headers = {}, body = "" } = got ?? {};
    expect(String(headers["webhook-signature"]).split(" ")).toHaveLength(2);
    for (const secret of [endpoint.secret, rotated.secret ?? ""])
      expect(verified(secret, headers, body)).not.toBeNull();

    const third = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;
    expect((await rotate({ secret: third })).secret).toBe(third);
    await tell();
    const [, later] = await arrived(endpoint, 2);
    const isBy = (secret = "") => verified(secret, later?.headers ?? {}, later?.body ?? "") !== null;
    expect([endpoint.secret, rotated.secret, third].map(isBy)).toEqual([false, true, true]);
    const { text } = await app.call("GET", `/v1/webhooks/${webhook.id}`);
    expect(text).not.toContain("whsec_");
  });

  test("a webhook delivers again what is asked for again, under the same id", async () => {
    const { app, endpoint, webhook, tell } = await single();
    await tell();
    const done = await delivery(app, webhook, deadOrDone);
    const again = await app.call<Delivery>("POST", `/v1/webhooks/${webhook.id}/deliveries/${done.id}/redeliver`);
    expect(again.status).toBe(202);
    const [one, two] = await arrived(endpoint, 2);
    expect([two?.id, two?.body]).toEqual([one?.id, one?.body]);
    const twice = await delivery(
      app,
      webhook,
      ({ attemptCount, state }) => attemptCount === 2 && state === "delivered",
    );
    expect(twice.id).toBe(done.id);
  });

  test("a webhook is tested at once, also while it is disabled, and tells how it went", async () => {
    const { app, endpoint, webhook } = await single(first(1, ok, status(503, {}, "busy")));
    const path = `/v1/webhooks/${webhook.id}`;
    const test = (type: string) => app.call<Delivery>("POST", `${path}/test`, { type });
    const went = await test("message.created");
    expect(went.status).toBe(200);
    expect(went.body).toMatchObject({ state: "delivered", type: "message.created", attempts: [{ status: 204 }] });
    const [got] = endpoint.got;
    expect(got?.event).toMatchObject({
      id: went.body.eventId,
      type: "message.created",
      data: { subject: expect.any(String) },
    });
    await good(app.call("PATCH", path, { enabled: false }));
    expect((await test("account.paused")).body).toMatchObject({
      state: "failed",
      attempts: [{ status: 503, excerpt: "busy" }],
      nextAttemptAt: null,
    });
    const log = await good(app.call<{ data: unknown[] }>("GET", "/v1/events?type=message.created"));
    expect(log.data).toEqual([]);
  });

  test("a webhook that is disabled gets nothing, and goes on with what waited when it is enabled again", async () => {
    const { app, endpoint, webhook, tell } = await single(first(1, status(500)));
    const path = `/v1/webhooks/${webhook.id}`;
    await tell();
    const waiting = await delivery(
      app,
      webhook,
      ({ attemptCount, state }) => attemptCount === 1 && state === "pending",
    );
    const off = await good(app.call<Webhook>("PATCH", path, { enabled: false }));
    expect(off).toMatchObject({ state: "disabled", disabledBecause: "caller" });
    await tell();
    await until(
      async () => Date.now(),
      (now) => now > Date.parse(waiting.nextAttemptAt ?? "") + 500,
    );
    expect(endpoint.got).toHaveLength(1);
    await good(app.call("PATCH", path, { enabled: true }));
    const [one, two] = await arrived(endpoint, 2);
    expect(two?.id).toBe(one?.id);
    await tell();
    await arrived(endpoint, 3);
    // What happened meanwhile is in the log.
    const { data } = await good(app.call<{ data: { id: string }[] }>("GET", `/v1/events?after=${one?.id}`));
    expect(data).toHaveLength(2);
    expect(data[1]?.id).toBe(endpoint.got[2]?.id);
  });

  test("a webhook keeps to its concurrency and its rate", async () => {
    const app = await newApp(api);
    const [few, slow] = [receiver.endpoint(late(150)), receiver.endpoint()];
    const { tell } = await tellerOf(app);
    await webhookAt(app, few, { maxConcurrency: 2 });
    await webhookAt(app, slow, { maxPerSecond: 5 });
    for (let n = 0; n < 15; n += 1) await tell();
    await arrived(few, 15);
    expect(few.mostOpen()).toBe(2);
    const times = (await arrived(slow, 15)).map(({ at }) => at);
    const untilSixth = times.slice(5).map((at, n) => at - (times[n] ?? 0));
    expect(Math.min(...untilSixth)).toBeGreaterThan(800);
  });

  test("a webhook of a key that is bound to accounts reaches no further, and is all that the key sees", async () => {
    const app = await newApp(api);
    const [mine, foreign] = [await tellerOf(app), await tellerOf(app)];
    const bound = await app.keyFor([mine.id]);
    const { url, secret } = receiver.endpoint();
    const make = (body: object) =>
      app.call<Webhook & { errors: { pointer: string }[] }>("POST", "/v1/webhooks", { url, secret, ...body }, bound);
    for (const wrong of [
      {},
      { accountIds: null },
      { accountIds: [foreign.id] },
      { accountIds: [mine.id, foreign.id] },
    ]) {
      const { status, body } = await make(wrong);
      expect([status, body.errors[0]?.pointer]).toEqual([422, expect.stringMatching(/^\/accountIds/)]);
    }
    const own = await good(make({ accountIds: [mine.id] }));
    const wide = await webhookAt(app, receiver.endpoint());
    const both = await webhookAt(app, receiver.endpoint(), { accountIds: [mine.id, foreign.id] });
    const seen = await good(app.call<{ data: Webhook[] }>("GET", "/v1/webhooks", undefined, bound));
    expect(seen.data.map(({ id }) => id)).toEqual([own.id]);
    for (const { id } of [wide, both])
      for (const [method, path, body] of [
        ["GET", ""],
        ["PATCH", "", { description: "mine" }],
        ["DELETE", ""],
        ["GET", "/deliveries"],
        ["POST", "/test", { type: "message.created" }],
        ["POST", "/rotate-secret", {}],
      ] as const) {
        const { status } = await app.call(method, `/v1/webhooks/${id}${path}`, body, bound);
        expect([method, path, status]).toEqual([method, path, 404]);
      }
    await Promise.all([mine.tell(), foreign.tell()]);
    const told = await until(
      () => deliveriesOf(app, own),
      (all) => all.length > 0,
    );
    expect(told).toHaveLength(1);
    expect((await deliveriesOf(app, both)).length).toBe(2);
  });

  test("a webhook is not told of a deleted account what was yet to be told, but that it is deleted", async () => {
    const { app, endpoint, webhook, tell, path } = await single(first(1, status(500)));
    await tell();
    await delivery(app, webhook, ({ attemptCount, state }) => attemptCount === 1 && state === "pending");
    expect((await app.call("DELETE", path)).status).toBe(204);
    const [, deleted] = await arrived(endpoint, 2);
    expect(deleted?.event?.type).toBe("account.deleted");
    const done = await delivery(app, webhook, deadOrDone);
    expect(done).toMatchObject({ type: "account.deleted", state: "delivered" });
  });
});

test("what the receivers were sent verifies, and no secret of theirs is in the log", () => {
  expect(receiver.strays).toEqual([]);
  expect(api.lines.some((line) => line.includes("whsec_") || line.includes("told-to-nobody-else"))).toBe(false);
});
