import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ImapFlow } from "imapflow";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { User } from "../servers/mailboxes.ts";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { type Proxy, startProxy } from "../servers/proxy.ts";
import { deliverLarge } from "./large-message.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";

/** Octets of the attachment, decoded: more than the sockets between hold. */
const size = 60 * 1024 * 1024;

let stack: MailStack;
let proxy: Proxy;
let api: Api;

/** A mail server that lets each user have a single session. */
beforeAll(async () => {
  stack = await startMailStack({ dovecot: { sessionsPerUser: 1 } });
  proxy = await startProxy({ port: stack.dovecot.ports.imaps });
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
  await proxy.stop();
  await stack.stop();
});

type Listed = { data: { id: string; attachments: { id: string }[] }[] };

/** An account with one large message; its path, and the path and SHA-256 of the attachment. */
async function largeMailbox(): Promise<{ path: string; attachment: string; sha: string }> {
  const user = stack.dovecot.user();
  const path = await storeAccount(api, accountOn(stack, user, { imapsPort: proxy.port }));
  const sha = await deliverLarge(stack.dovecot.maildir(user), size);
  const { body } = await api.call<Listed>("GET", `${path}/messages`);
  const [message] = body.data;
  return { path, attachment: `${path}/messages/${message?.id}/attachments/${message?.attachments[0]?.id}`, sha };
}

type Download = { next(): Promise<boolean>; rest(): Promise<string>; leave(): void };

/** A download that goes on only when it is told to. */
async function start(path: string): Promise<Download> {
  const left = new AbortController();
  const response = await fetch(api.url + path, {
    headers: { Authorization: `Bearer ${api.keys.appKey}` },
    signal: left.signal,
  });
  expect(response.status).toBe(200);
  const reader = response.body?.getReader();
  const hash = createHash("sha256");
  const next = async (): Promise<boolean> => {
    const step = await reader?.read();
    if (step?.value !== undefined) hash.update(step.value);
    return step?.done === false;
  };
  return {
    next,
    async rest() {
      while (await next());
      return hash.digest("hex");
    },
    leave: () => left.abort(),
  };
}

async function listMs(path: string): Promise<number> {
  const startedAt = performance.now();
  const { status, text } = await api.call("GET", `${path}/messages`);
  expect([status, text]).toEqual([200, expect.stringContaining("large")]);
  return performance.now() - startedAt;
}

const openSessions = (): number => proxy.connections.filter(({ open }) => open).length;

test("lists answer at once beside a paused download, which then goes on to its last octet", async () => {
  const { path, attachment, sha } = await largeMailbox();
  const download = await start(attachment);
  await download.next();
  const times = [];
  for (let n = 0; n < 10; n += 1) times.push(await listMs(path));
  expect(Math.max(...times)).toBeLessThan(1000);
  expect((await api.call("GET", `${path}/folders`)).status).toBe(200);
  expect(stack.dovecot.log()).toContain("Maximum number of connections from user+IP exceeded");
  const lists = Promise.all([listMs(path), listMs(path), listMs(path)]);
  expect(await download.rest()).toBe(sha);
  expect(Math.max(...(await lists))).toBeLessThan(3000);
}, 60_000);

test("six downloads at once, of one account on one session, each to its last octet", async () => {
  const { attachment, sha } = await largeMailbox();
  const shas = await Promise.all(Array.from({ length: 6 }, async () => (await start(attachment)).rest()));
  expect(shas).toEqual(Array(6).fill(sha));
}, 60_000);

test("one who leaves gives back at once what he shares, and the other's download goes on", async () => {
  const { path, attachment, sha } = await largeMailbox();
  const [leaving, staying] = [await start(attachment), await start(attachment)];
  await Promise.all([leaving.next(), staying.next()]);
  const before = openSessions();
  const connections = proxy.connections.length;
  leaving.leave();
  expect(await listMs(path)).toBeLessThan(1000);
  expect(await staying.rest()).toBe(sha);
  expect([openSessions(), proxy.connections.length]).toEqual([before, connections]);
}, 60_000);

test("those who leave keep nothing: after eight of them a download, a write and three lists run at once", async () => {
  const { path, attachment } = await largeMailbox();
  const within = async (work: () => Promise<unknown>): Promise<void> => {
    const startedAt = performance.now();
    await work();
    expect(performance.now() - startedAt).toBeLessThan(1000);
  };
  // As many as share a session at most.
  const downloads = await Promise.all(Array.from({ length: 8 }, () => start(attachment)));
  for (const download of downloads) await download.next();
  // Until the sockets between are full, and nothing is asked of the mail server any more.
  await sleep(1500);
  for (const download of downloads) download.leave();
  await within(async () => (await start(attachment)).leave());
  const message = attachment.split("/attachments/")[0] ?? "";
  await within(async () =>
    expect(await api.call("PATCH", message, { flags: { seen: true } })).toMatchObject({ status: 200 }),
  );
  await within(() => Promise.all([listMs(path), listMs(path), listMs(path)]));
}, 60_000);

test("a line that is cut aborts every download on it, and the account works again at once", async () => {
  const { path, attachment, sha } = await largeMailbox();
  const downloads = [await start(attachment), await start(attachment)];
  for (const download of downloads) await download.next();
  for (const connection of proxy.connections) connection.reset();
  for (const download of downloads) await expect(download.rest()).rejects.toThrow(/terminated|aborted|closed/i);
  expect(await listMs(path)).toBeLessThan(2000);
  expect(await (await start(attachment)).rest()).toBe(sha);
}, 60_000);

test("HEAD and a range at the beginning fetch no more than they need", async () => {
  const { attachment } = await largeMailbox();
  const headers = { Authorization: `Bearer ${api.keys.appKey}` };
  const fetched = async (init: RequestInit, status: number): Promise<number> => {
    const before = proxy.bytes("toClient");
    const response = await fetch(api.url + attachment, { headers, ...init });
    await response.arrayBuffer();
    expect(response.status).toBe(status);
    return proxy.bytes("toClient") - before;
  };
  expect(await fetched({ method: "HEAD" }, 200)).toBeLessThan(20_000);
  expect(await fetched({ headers: { ...headers, Range: "bytes=1000-1999" } }, 206)).toBeLessThan(1_500_000);
});

/** Another program with a session of this user; null while the server lets none in. */
async function otherClient(user: User): Promise<ImapFlow | null> {
  const client = new ImapFlow({
    host: stack.dovecot.host,
    port: stack.dovecot.ports.imap,
    secure: false,
    auth: { user: user.username, pass: user.password },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
  return client.connect().then(
    () => client,
    () => null,
  );
}

test("while another client has the only session, 503 says when to try again", async () => {
  const user = stack.dovecot.user();
  const path = await storeAccount(api, accountOn(stack, user));
  let other = await otherClient(user);
  for (; other === null; other = await otherClient(user)) await sleep(50);
  const refused = await api.call<{ code: string }>("GET", `${path}/messages`);
  expect([refused.status, refused.body.code, refused.headers.get("retry-after")]).toEqual([503, "account-busy", "5"]);
  await other.logout();
  await expect.poll(async () => (await api.call("GET", `${path}/messages`)).status).toBe(200);
});

test("an account is verified although its own idle session takes up all that the server allows", async () => {
  const user = stack.dovecot.user();
  const path = await storeAccount(api, accountOn(stack, user, { imapsPort: proxy.port }));
  expect((await api.call("GET", `${path}/messages`)).status).toBe(200);
  expect(await api.call("POST", `${path}/verify`)).toMatchObject({ status: 200, body: { incoming: "ok" } });
  expect((await api.call("GET", `${path}/messages`)).status).toBe(200);
  const auth = { type: "password", ...user };
  expect((await api.call("PATCH", path, { incoming: { auth } })).status).toBe(200);
  expect((await api.call("GET", `${path}/messages`)).status).toBe(200);
});
