import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deliver } from "../servers/maildir.ts";
import type { User } from "../servers/mailboxes.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { startProxy } from "../servers/proxy.ts";
import { type Endpoint, type Receiver, startReceiver } from "../servers/receiver.ts";
import { adminKey, startWorker, type Worker } from "./start-worker.ts";

/** What a Worker does by itself: nobody but its alarms, and where they are lost its cron, tells it to. */

type Body = Record<string, unknown>;

let stack: MailStack;
let receiver: Receiver;
let worker: Worker;
let appKey: string;
let hook: Endpoint;

const scopes = ["accounts", "messages", "webhooks"].flatMap((on) => [`${on}:read`, `${on}:write`]);

beforeAll(async () => {
  stack = await startMailStack();
  receiver = await startReceiver();
  worker = await startWorker({ caPath: stack.certificates.caPath });
  const app = await call("POST", "/v1/apps", { name: "objects" }, { key: adminKey });
  const wanted = { name: "objects", scopes: [...scopes, "messages:send", "events:read"] };
  const key = await call("POST", `/v1/apps/${text(app["id"])}/keys`, wanted, { key: adminKey });
  appKey = text(key["key"]);
  hook = receiver.endpoint();
  await call("POST", "/v1/webhooks", { url: hook.url, secret: hook.secret });
}, 120_000);

afterAll(async () => {
  await worker?.stop();
  await receiver?.stop();
  await stack?.stop();
});

const text = (value: unknown): string => (typeof value === "string" ? value : "");

async function call(
  method: string,
  path: string,
  body?: Body,
  { key = appKey, ...headers }: Record<string, string> = {},
): Promise<Body> {
  const response = await fetch(worker.url + path, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body && { "Content-Type": "application/json" }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(40_000),
  });
  const answer = await response.text();
  return answer === "" ? {} : JSON.parse(answer);
}

async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined, ms = 30_000): Promise<T> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(200)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`${what} did not come within ${ms} ms.\n${worker.log().slice(-4_000)}`);
}

async function stored(user: User, port = stack.dovecot.ports.imaps): Promise<string> {
  const auth = { type: "password", username: user.username, password: user.password };
  const incoming = { protocol: "imap", host: "127.0.0.1", port, security: "tls", auth };
  const outgoing = { protocol: "smtp", host: "127.0.0.1", port: stack.postfix.ports.smtps, security: "tls", auth };
  const account = await call("POST", "/v1/accounts", { email: user.username, incoming, outgoing });
  expect(account).toMatchObject({ email: user.username });
  return text(account["id"]);
}

type Status = { state: string; folders: { mode: string; lastCheckedAt: string }[] };

async function statusOf(id: string): Promise<Status> {
  return (await call("GET", `/v1/accounts/${id}/status`)) as Status;
}

/** The account's status once all its folders have been looked at. */
async function watched(id: string): Promise<Status> {
  const { data } = await call("GET", `/v1/accounts/${id}/folders`);
  return until("A first look", async () => {
    const status = await statusOf(id);
    return status.folders.length === (data as []).length ? status : undefined;
  });
}

/** What the receiver was told of this type about the account. */
function told(id: string, type: string, ms?: number) {
  const look = () => hook.got.find(({ event }) => event?.accountId === id && event.type === type)?.event ?? undefined;
  return until(type, look, ms);
}

const mail = (user: User, subject: string): string =>
  `From: Ada <ada@analytical.test>\nTo: ${user.username}\nSubject: ${subject}\n\nHello.\n`;

// One waits for a minute: the others go on beside it.
describe.concurrent("by its objects", () => {
  test("new mail is told within a minute, by the alarm's own look", { timeout: 150_000 }, async () => {
    const user = stack.dovecot.user();
    const id = await stored(user);
    const status = await watched(id);
    expect(status.state).toBe("connected");
    expect(new Set(status.folders.map(({ mode }) => mode))).toEqual(new Set(["poll"]));
    // The first look may not be quite over.
    await sleep(3_000);
    deliver(stack.dovecot.maildir(user), mail(user, "By itself"));
    const event = await told(id, "message.created", 100_000);
    expect(event.data.subject).toBe("By itself");
    const later = await until("A later look", async () => {
      const { folders } = await statusOf(id);
      return folders.find(({ lastCheckedAt }) => lastCheckedAt > (status.folders[0]?.lastCheckedAt ?? ""));
    });
    expect(Date.now() - Date.parse(later.lastCheckedAt)).toBeLessThan(70_000);
  });

  test("a submission is sent at once, filed, and told", async () => {
    const [user, recipient] = [stack.dovecot.user(), stack.dovecot.user()];
    const [id, other] = await Promise.all([stored(user), stored(recipient)]);
    const message = { to: [{ name: "", email: recipient.username }], subject: "On its way", text: "Hello." };
    const headers = { "Idempotency-Key": "one", Prefer: "wait=20" };
    const began = Date.now();
    const sent = await call("POST", `/v1/accounts/${id}/submissions`, message, headers);
    expect(sent).toMatchObject({ state: "sent", recipients: [{ state: "accepted" }] });
    expect(Date.now() - began).toBeLessThan(10_000);
    await told(id, "submission.sent");
    await until("The mail", async () => {
      const { data } = await call("GET", `/v1/accounts/${other}/messages`);
      return (data as { subject: string }[]).find(({ subject }) => subject === "On its way");
    });
    await until("The copy", async () => {
      const { data } = await call("GET", `/v1/accounts/${id}/messages?folder=sent`);
      return (data as { subject: string }[]).find(({ subject }) => subject === "On its way");
    });
  });

  test("a stream in front of the objects tells what they have written", async () => {
    const user = stack.dovecot.user();
    const response = await fetch(`${worker.url}/v1/events/stream`, {
      headers: { Authorization: `Bearer ${appKey}` },
      signal: AbortSignal.timeout(30_000),
    });
    const id = await stored(user);
    let heard = "";
    for await (const chunk of response.body ?? []) {
      heard += Buffer.from(chunk).toString();
      if (heard.includes(id) && heard.includes("account.connected")) break;
    }
    expect(heard).toContain("account.connected");
  });

  test("a look that fails is tried again, and mail that came meanwhile is told", { timeout: 120_000 }, async () => {
    const proxy = await startProxy({ port: stack.dovecot.ports.imaps });
    try {
      const user = stack.dovecot.user();
      const id = await stored(user, proxy.port);
      await watched(id);
      proxy.setFaults(() => ({ refuse: true }));
      for (const connection of proxy.connections) connection.reset();
      // A change is looked at at once.
      await call("POST", `/v1/accounts/${id}/pause`);
      await call("POST", `/v1/accounts/${id}/resume`);
      await told(id, "account.unreachable");
      deliver(stack.dovecot.maildir(user), mail(user, "Meanwhile"));
      proxy.setFaults(() => ({}));
      expect((await told(id, "message.created", 60_000)).data.subject).toBe("Meanwhile");
      await told(id, "account.recovered");
    } finally {
      await proxy.stop();
    }
  });
});

test("the cron calls the object that has lost its alarm", { timeout: 120_000 }, async () => {
  const user = stack.dovecot.user();
  const id = await stored(user);
  await watched(id);
  const sendAt = Date.now() + 6_000;
  const message = { to: [{ name: "", email: user.username }], subject: "Late", text: "x" };
  const timed = { ...message, sendAt: new Date(sendAt).toISOString() };
  const submission = await call("POST", `/v1/accounts/${id}/submissions`, timed, { "Idempotency-Key": "late" });
  const path = `/v1/accounts/${id}/submissions/${text(submission["id"])}`;
  expect(submission).toMatchObject({ state: "scheduled" });
  await worker.loseObjects();
  await sleep(Math.max(0, sendAt + 11_000 - Date.now()));
  expect(["scheduled", "queued"]).toContain((await call("GET", path))["state"]);
  await worker.cron();
  await until("The submission", async () => ((await call("GET", path))["state"] === "sent" ? true : undefined));
});

test("/docs has its script from the assets", async () => {
  const page = await fetch(`${worker.url}/docs`);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("/docs/scalar.js")]);
  expect(page.headers.get("Content-Security-Policy")).toContain("script-src 'self'");
  const script = await fetch(`${worker.url}/docs/scalar.js`);
  expect(script.headers.get("Content-Type")).toContain("javascript");
  expect(script.headers.get("Cache-Control")).toBe("max-age=86400");
  expect((await script.arrayBuffer()).byteLength).toBeGreaterThan(1_000_000);
  expect((await fetch(`${worker.url}/docs/absent.js`)).status).toBe(404);
});

test("none of this was an error", () => {
  expect(worker.log()).not.toMatch(/"level":"error"|Uncaught|hanging/);
});
