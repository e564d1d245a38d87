import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomId } from "../../src/mail/id.ts";
import { type CertificateAuthority, makeCertificates } from "../servers/ca.ts";
import { type Dovecot, startDovecot } from "../servers/dovecot.ts";
import { deliver } from "../servers/maildir.ts";
import type { User } from "../servers/mailboxes.ts";
import { provision } from "../servers/provision.ts";
import { makeScratch, removeScratch } from "../servers/scratch.ts";
import { adminKey, startWorker, type Worker } from "./start-worker.ts";

type Answer = { status: number; body: Record<string, unknown> };
type Item = { id: string; name?: string; role?: string; subject?: string; text?: string };

const directory = makeScratch();
let certificates: CertificateAuthority;
let dovecot: Dovecot;
let worker: Worker;
let appKey: string;

beforeAll(async () => {
  await provision(["dovecot"]);
  certificates = await makeCertificates(`${directory}/certificates`);
  [dovecot, worker] = await Promise.all([startDovecot({ certificates }), startWorker({ caPath: certificates.caPath })]);
  appKey = await newApp();
}, 120_000);

afterAll(async () => {
  await Promise.all([worker?.stop(), dovecot?.stop()]);
  removeScratch(directory);
});

async function call(method: string, path: string, key: string, body?: unknown, more = {}): Promise<Answer> {
  const response = await fetch(worker.url + path, {
    method,
    headers: {
      Authorization: `Bearer ${key}`,
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...more,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}

/** Begins to post JSON of so many octets: what is refused for its length is answered before the rest is sent, which a `fetch` may not hear for the reset. */
async function beginJson(path: string, octets: number): Promise<Answer> {
  const headers = {
    Authorization: `Bearer ${appKey}`,
    "Content-Type": "application/json",
    "Content-Length": octets,
    "Idempotency-Key": "long",
  };
  const request = httpRequest(worker.url + path, { method: "POST", headers, signal: AbortSignal.timeout(30_000) });
  request.on("error", () => {});
  request.write("{");
  try {
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: (await json(response)) as Answer["body"] };
  } finally {
    request.destroy();
  }
}

/** Makes an app, and gives a key of it with the scopes that the tests need. */
async function newApp(): Promise<string> {
  const app = await call("POST", "/v1/apps", adminKey, { name: "worker" });
  const scopes = ["accounts:read", "accounts:write", "messages:read", "messages:write", "messages:send"];
  const key = await call("POST", `/v1/apps/${String(app.body["id"])}/keys`, adminKey, { name: "worker", scopes });
  return String(key.body["key"]);
}

type Server = {
  protocol?: "imap" | "pop3";
  host?: string;
  port?: number;
  security?: "tls" | "starttls";
  tls?: { ca?: string; servername?: string };
};

/** An account that nobody watches: the sessions are those of its requests. */
function store(user: User, server: Server = {}, more: Record<string, unknown> = {}): Promise<Answer> {
  const auth = { type: "password", username: user.username, password: user.password };
  const usual = { protocol: "imap", host: "127.0.0.1", port: dovecot.ports.imaps, security: "tls", auth };
  const account = { email: user.username, incoming: { ...usual, ...server }, watch: { mode: "off" }, ...more };
  return call("POST", "/v1/accounts", appKey, account);
}

async function stored(user: User, server?: Server): Promise<string> {
  const { status, body } = await store(user, server);
  expect(body).toMatchObject({ email: user.username });
  expect(status).toBe(201);
  return String(body["id"]);
}

async function list(path: string): Promise<Item[]> {
  const { status, body } = await call("GET", path, appKey);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body["data"] as Item[];
}

/** How often Dovecot has said this of the user. */
function told(user: User, words: "Login:" | "Disconnected:"): number {
  const lines = dovecot.log().split("\n");
  return lines.filter((line) => line.includes(user.username) && line.includes(words)).length;
}

function mailFor(user: User): void {
  const message = `From: Ada <ada@analytical.test>\nTo: ${user.username}\nSubject: On the edge\n\nHello from afar.\n`;
  deliver(dovecot.maildir(user), message);
}

describe("an account on a Worker", () => {
  test("is stored after a login, and read through its object on one session", async () => {
    const user = dovecot.user();
    mailFor(user);
    const id = await stored(user);
    expect(told(user, "Login:")).toBe(1);
    for (let round = 0; round < 2; round += 1) {
      const folders = await list(`/v1/accounts/${id}/folders`);
      expect(folders.map(({ role }) => role)).toEqual(expect.arrayContaining(["inbox", "sent", "trash"]));
      const [message, ...others] = await list(`/v1/accounts/${id}/messages`);
      expect(others).toEqual([]);
      expect(message).toMatchObject({ subject: "On the edge" });
      const whole = await call("GET", `/v1/accounts/${id}/messages/${message?.id}`, appKey);
      expect(whole).toMatchObject({ status: 200, body: { subject: "On the edge", text: "Hello from afar.\n" } });
      const raw = await fetch(`${worker.url}/v1/accounts/${id}/messages/${message?.id}/raw`, {
        headers: { Authorization: `Bearer ${appKey}` },
      });
      expect(await raw.text()).toMatch(/^From: Ada [^]*\r\n\r\nHello from afar\.\r\n$/);
    }
    // Another spelling of the same path reaches the same object.
    expect(await list(`/v1/accounts/%61${id.slice(1)}/folders`)).not.toEqual([]);
    expect(told(user, "Login:")).toBe(2);
  });

  test("opens no more than its three sessions when many first requests come at once", async () => {
    const user = dovecot.user();
    const id = await stored(user);
    await Promise.all(Array.from({ length: 8 }, () => list(`/v1/accounts/${id}/folders`)));
    expect(told(user, "Login:")).toBeLessThanOrEqual(1 + 3);
  });

  test("has its session closed where it lives, when it is removed", async () => {
    const user = dovecot.user();
    const id = await stored(user);
    await list(`/v1/accounts/${id}/folders`);
    expect((await call("DELETE", `/v1/accounts/${id}`, appKey)).status).toBe(204);
    for (let waited = 0; told(user, "Disconnected:") < 2 && waited < 5000; waited += 50) await sleep(50);
    expect(told(user, "Disconnected:")).toBe(told(user, "Login:"));
    expect(await call("GET", `/v1/accounts/${id}/folders`, appKey)).toMatchObject({ status: 404 });
  });

  test("has an object only for who has a key", async () => {
    const folders = () => `/v1/accounts/${randomId("acc")}/folders`;
    const before = worker.objects();
    for (const key of ["", "pst_nobody", `${appKey.slice(0, -1)}${appKey.endsWith("0") ? "1" : "0"}`])
      expect((await call("GET", folders(), key)).status).toBe(401);
    expect((await call("GET", folders(), adminKey)).status).toBe(403);
    expect(worker.objects()).toBe(before);
    expect((await call("GET", folders(), appKey)).status).toBe(404);
    expect(worker.objects()).toBe(before + 1);
  });

  test("takes no JSON that there is no memory for", async () => {
    const id = await stored(dovecot.user());
    const answer = await beginJson(`/v1/accounts/${id}/submissions`, 12 * 1024 * 1024 + 1);
    expect(answer).toMatchObject({ status: 413, body: { code: "body-too-large", limit: 12 * 1024 * 1024 } });
  });

  test("is nothing to another app", async () => {
    const user = dovecot.user();
    const id = await stored(user);
    const other = await newApp();
    for (const path of ["", "/folders", "/messages"]) {
      const answer = await call("GET", `/v1/accounts/${id}${path}`, other);
      expect(answer).toMatchObject({ status: 404, body: { code: "not-found" } });
      expect(JSON.stringify(answer.body)).not.toContain(user.username);
    }
    expect((await call("GET", "/v1/accounts", other)).body).toMatchObject({ data: [] });
    expect((await call("GET", `/v1/accounts/${id}/folders`, "pst_nobody")).status).toBe(401);
  });

  test.for(["tls", "starttls"] as const)("is reached by name, with %s", async (security) => {
    const port = security === "tls" ? dovecot.ports.imaps : dovecot.ports.imap;
    const id = await stored(dovecot.user(), { host: "localhost", port, security });
    expect(await list(`/v1/accounts/${id}/folders`)).not.toEqual([]);
  });
});

describe.for(["tls", "starttls"] as const)("a POP3 account with %s on a Worker", (security) => {
  /** Raw octets, so that nothing on the way decodes them. */
  const awkward = Buffer.concat([
    Buffer.from("From: Ada <ada@analytical.test>\r\nSubject: Over the edge\r\n\r\n.\r\n..dots\r\n"),
    Buffer.from([0x80, 0xff, 0x0d, 0x0a]),
    Buffer.from(`${"x".repeat(100)}\r\n`.repeat(2_000)),
    Buffer.from("no line end"),
  ]);

  test("is listed and read octet for octet, and its messages flagged and removed, a session each", async () => {
    const user = dovecot.user();
    mailFor(user);
    // On disk its lines end as the others' do.
    deliver(dovecot.maildir(user), Buffer.from(awkward.toString("latin1").replaceAll("\r\n", "\n"), "latin1"));
    const port = security === "tls" ? dovecot.ports.pop3s : dovecot.ports.pop3;
    const id = await stored(user, { protocol: "pop3", host: "localhost", port, security });
    const path = `/v1/accounts/${id}/messages`;
    const messages = await list(path);
    expect(new Set(messages.map(({ subject }) => subject))).toEqual(new Set(["On the edge", "Over the edge"]));
    const message = messages.find(({ subject }) => subject === "Over the edge");
    const raw = (range?: string) =>
      fetch(`${worker.url}${path}/${message?.id}/raw`, {
        headers: { Authorization: `Bearer ${appKey}`, ...(range && { Range: range }) },
      });
    const octets = Buffer.from(await (await raw()).arrayBuffer());
    expect([octets.length, octets.equals(awkward)]).toEqual([awkward.length, true]);
    const part = await raw("bytes=100000-100009");
    expect([part.status, await part.text()]).toEqual([206, awkward.toString("latin1", 100_000, 100_010)]);

    const flagged = await call("PATCH", `${path}/${message?.id}`, appKey, { flags: { flagged: true } });
    expect(flagged).toMatchObject({ status: 200, body: { flags: { flagged: true } } });
    expect(await list(`${path}?flagged=true`)).toMatchObject([{ id: message?.id }]);
    expect((await call("DELETE", `${path}/${message?.id}?permanent=true`, appKey)).status).toBe(204);
    expect((await list(path)).map(({ subject }) => subject)).toEqual(["On the edge"]);
    expect((await call("GET", `${path}/${message?.id}`, appKey)).body).toMatchObject({ code: "message-gone" });
    expect((await list(`/v1/accounts/${id}/folders`)).map(({ role }) => role)).toEqual(["inbox"]);
  });

  test("is refused with a wrong password", async () => {
    const port = security === "tls" ? dovecot.ports.pop3s : dovecot.ports.pop3;
    const pop3 = { protocol: "pop3", port, security } as const;
    const wrong = await store({ ...dovecot.user(), password: "not-the-password" }, { ...pop3, host: "localhost" });
    expect(wrong).toMatchObject({ status: 422, body: { causeCode: "account-authentication-failed" } });
  });
});

test("an IPv6 literal is connected to", async () => {
  const server = createServer((socket) => socket.end("* BYE nobody home\r\n"));
  server.listen(0, "::1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    for (const host of ["::1", "[::1]"]) {
      const answer = await store(dovecot.user(), { host, port, security: "starttls" });
      expect(answer.body).toMatchObject({ causeCode: "upstream-unreachable", upstream: { text: "nobody home" } });
    }
  } finally {
    server.close();
  }
});

describe("what a Worker can't do has a name", () => {
  test("an authority or a TLS name of the account's own", async () => {
    const user = dovecot.user();
    for (const [tls, pointer] of [
      [{ ca: dovecot.ca }, "/incoming/tls/ca"],
      [{ servername: "mail.postern.test" }, "/incoming/tls/servername"],
    ] as const) {
      const refused = { status: 422, body: { code: "unsupported-by-runtime", errors: [{ pointer }] } };
      expect(await store(user, { tls })).toMatchObject(refused);
      expect(await store(user, { tls }, { verify: false })).toMatchObject(refused);
    }
    expect(told(user, "Login:")).toBe(0);
  });

  test("the same of an outgoing server", async () => {
    const { username, password } = dovecot.user();
    const auth = { type: "password", username, password };
    const server = { protocol: "smtp", host: "127.0.0.1", port: 465, security: "tls", auth };
    const outgoing = { ...server, tls: { ca: dovecot.ca } };
    const answer = await call("POST", "/v1/accounts", appKey, { email: username, outgoing, verify: false });
    const errors = [{ pointer: "/outgoing/tls/ca" }];
    expect(answer).toMatchObject({ status: 422, body: { code: "unsupported-by-runtime", errors } });
  });
});

describe("a Worker is as strict as a process", () => {
  test.for(["wrongName", "selfSigned"] as const)("with a certificate that is %s", async (certificate) => {
    const impostor = await startDovecot({ certificates, certificate });
    try {
      const user = impostor.user();
      for (const host of ["127.0.0.1", "localhost"]) {
        const { imap, imaps, pop3, pop3s } = impostor.ports;
        for (const [port, security] of [
          [pop3s, "tls"],
          [pop3, "starttls"],
        ] as const) {
          const answer = await store(user, { protocol: "pop3", host, port, security });
          expect(answer).toMatchObject({ body: { code: "verification-failed" } });
        }
        expect(await store(user, { host, port: imaps })).toMatchObject({ body: { code: "verification-failed" } });
        expect(await store(user, { host, port: imap, security: "starttls" })).toMatchObject({
          body: { code: "verification-failed" },
        });
      }
      expect(impostor.log()).not.toContain("Login:");
    } finally {
      await impostor.stop();
    }
  });

  test("with addresses outside the operator's networks", async () => {
    for (const host of ["10.0.0.1", "169.254.169.254", "127.1"])
      expect(await store(dovecot.user(), { host })).toMatchObject({
        status: 422,
        body: { code: "address-not-allowed", errors: [{ pointer: "/incoming/host" }] },
      });
  });

  test("with paths that lead nowhere", async () => {
    expect(await call("GET", "/v1/accounts/acc_none/folders", appKey)).toMatchObject({ body: { code: "not-found" } });
    expect(await call("GET", "/v1/accounts/acc_%ff/folders", appKey)).toMatchObject({ status: 400 });
    expect(await call("PUT", `/v1/accounts/acc_${"0".repeat(26)}/folders`, appKey)).toMatchObject({ status: 405 });
  });

  test("and says no password in its log", async () => {
    const user = dovecot.userWithPassword("canary-5c1f-worker");
    await stored(user);
    expect(worker.log()).toContain('"event":"http.request"');
    expect(worker.log()).not.toContain("canary-5c1f-worker");
    expect(worker.log()).not.toContain(appKey);
  });
});

test("without its secret a Worker answers with a problem, and its log says what to do", async () => {
  const unset = await startWorker({ caPath: certificates.caPath, secret: "" });
  try {
    for (const path of ["/v1/me", `/v1/accounts/acc_${"0".repeat(26)}`]) {
      const response = await fetch(unset.url + path);
      expect(response.status).toBe(500);
      expect(response.headers.get("Content-Type")).toBe("application/problem+json");
      expect(await response.json()).toMatchObject({ code: "internal", requestId: expect.stringMatching(/^req_/) });
    }
    expect(unset.log()).toContain("wrangler secret put POSTERN_SECRET");
  } finally {
    await unset.stop();
  }
});

test("what is deployed is smaller than 1 MB when compressed", () => {
  const { size, gzipped, parts } = worker.bundle;
  const made = parts.slice(0, 12).map(([name, octets]) => `${name} ${Math.round(octets / 1000)}`);
  console.log(`Worker: ${size} octets, ${gzipped} compressed; kB of it before that: ${made.join(", ")}`);
  expect(gzipped).toBeLessThan(1_000_000);
});

test("it starts in less time than a Worker may take", async () => {
  const ms = await worker.startUpMs();
  console.log(`Worker: ${ms} ms of a core to start`);
  expect(ms).toBeLessThan(1_000);
});
