import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type MailStack, startMailStack } from "../servers/mail-stack.ts";
import { accountOn, type Api, startApi, storeAccount } from "./start.ts";

let stack: MailStack;
let api: Api;

beforeAll(async () => {
  stack = await startMailStack();
  api = await startApi();
});
afterAll(async () => {
  await api.stop();
  await stack.stop();
});

describe("storing an account", () => {
  test("logs in on both sides, tells capabilities, and never answers the password", async () => {
    const account = accountOn(stack, stack.dovecot.user());
    const { status, body, text } = await api.call("POST", "/v1/accounts", account);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      email: account.email,
      incoming: { protocol: "imap", port: stack.dovecot.ports.imaps, security: "tls" },
      capabilities: {
        folders: true,
        move: true,
        keywords: true,
        push: "idle",
        search: "server",
        flagStorage: "server",
      },
    });
    expect(body["capabilities"]).not.toHaveProperty("idStability");
    expect(text).not.toContain(account.incoming.auth.password);
  });

  test("works with STARTTLS on both sides", async () => {
    const account = accountOn(stack, stack.dovecot.user());
    account.incoming = { ...account.incoming, port: stack.dovecot.ports.imap, security: "starttls" };
    account.outgoing = { ...account.outgoing, port: stack.postfix.ports.submission, security: "starttls" };
    expect((await api.call("POST", "/v1/accounts", account)).status).toBe(201);
  });

  test.each(["incoming", "outgoing"] as const)(
    "a wrong %s password is 422 with side, phase and cause",
    async (side) => {
      const account = accountOn(stack, stack.dovecot.user());
      account[side] = { ...account[side], auth: { ...account[side].auth, password: "wrong-wrong-wrong" } };
      const { status, body, text } = await api.call("POST", "/v1/accounts", account);
      expect(status).toBe(422);
      expect(body).toMatchObject({
        code: "verification-failed",
        side,
        phase: "login",
        causeCode: "account-authentication-failed",
      });
      expect(text).not.toContain("wrong-wrong-wrong");
    },
  );

  test("a certificate of an unknown authority is told as such", async () => {
    const account = accountOn(stack, stack.dovecot.user());
    const { status, body } = await api.call("POST", "/v1/accounts", {
      ...account,
      outgoing: undefined,
      incoming: { ...account.incoming, tls: undefined },
    });
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: "verification-failed", causeCode: "tls-verification-failed", side: "incoming" });
  });

  test("a port where nobody listens is told as unreachable, not as a wrong password", async () => {
    const account = accountOn(stack, stack.dovecot.user(), { imapsPort: 1 });
    expect((await api.call("POST", "/v1/accounts", account)).body).toMatchObject({
      code: "verification-failed",
      causeCode: "upstream-unreachable",
    });
  });

  test("without verify nothing is connected to, and the status says connecting", async () => {
    const account = { ...accountOn(stack, stack.dovecot.user(), { imapsPort: 1 }), verify: false };
    const path = await storeAccount(api, account);
    expect((await api.call("GET", `${path}/status`)).body).toMatchObject({ state: "connecting", folders: [] });
    const listing = await api.call("GET", `${path}/messages`);
    expect(listing.status).toBe(502);
    expect(listing.body).toMatchObject({ code: "upstream-unreachable", retryable: true });
    expect((await api.call("GET", `${path}/status`)).body).toMatchObject({
      state: "unreachable",
      lastError: { code: "upstream-unreachable" },
    });
  });

  test("externalId is unique in the app, and finds the account", async () => {
    const account = { ...accountOn(stack, stack.dovecot.user()), externalId: "user-1", verify: false };
    const path = await storeAccount(api, account);
    const again = await api.call("POST", "/v1/accounts", account);
    expect([again.status, again.body["code"]]).toEqual([409, "account-exists"]);
    const { body } = await api.call<{ data: { id: string }[] }>("GET", "/v1/accounts?externalId=user-1");
    expect(body.data.map(({ id }) => `/v1/accounts/${id}`)).toEqual([path]);
  });

  const hosts = ["127.1", "0x7f.1", "2130706433", "[::ffff:7f00:1]0", "", "host:25", "10.0.0.1", "64:ff9b::a00:1"];
  test.each(hosts)("host %j is refused with a pointer", async (host) => {
    const account = { ...accountOn(stack, stack.dovecot.user()), verify: false };
    const { status, body } = await api.call<{ errors: { pointer: string }[] }>("POST", "/v1/accounts", {
      ...account,
      incoming: { ...account.incoming, host },
    });
    expect(status).toBe(422);
    expect(body.errors[0]?.pointer).toBe("/incoming/host");
  });

  test.each([
    ["/incoming/port", { port: 0 }],
    ["/incoming/port", { port: 65536 }],
    ["/incoming/tls/ca", { tls: { ca: "no PEM" } }],
    ["/incoming/security", { security: "none" }],
    ["/incoming/auth/username", { auth: { type: "password", username: "a\r\nb", password: "x" } }],
    ["/incoming/auth/password", { auth: { type: "password", username: "a", password: "x\0y" } }],
    ["/incoming/protocol", { protocol: "nntp" }],
    ["/incoming/hostt", { hostt: "x" }],
  ])("%s is refused: %j", async (pointer, change) => {
    const account = { ...accountOn(stack, stack.dovecot.user()), verify: false };
    const { status, body } = await api.call<{ errors: { pointer: string }[] }>("POST", "/v1/accounts", {
      ...account,
      incoming: { ...account.incoming, ...change },
    });
    expect([status, body.errors?.[0]?.pointer]).toEqual([422, pointer]);
  });
});

describe("changing an account", () => {
  test("keeps what is absent, and a new password works at once", async () => {
    const user = stack.dovecot.userWithPassword("first-password");
    const path = await storeAccount(api, accountOn(stack, user));
    const patched = await api.call("PATCH", path, { name: null, metadata: { plan: "pro" } });
    expect(patched.body).toMatchObject({ email: user.username, name: null, metadata: { plan: "pro" } });
    await stack.dovecot.setPassword(user.username, "second-password");
    const auth = { password: "second-password" };
    expect((await api.call("PATCH", path, { incoming: { auth } })).status).toBe(422);
    expect((await api.call("PATCH", path, { incoming: { auth }, outgoing: { auth } })).status).toBe(200);
    expect((await api.call("GET", `${path}/messages`)).status).toBe(200);
  });

  test("another host needs the password again, so that it can't be sent to a stranger", async () => {
    const path = await storeAccount(api, accountOn(stack, stack.dovecot.user()));
    const { status, body } = await api.call("PATCH", path, { incoming: { host: "127.0.0.1" } });
    expect(status).toBe(422);
    expect(body).toMatchObject({ errors: [{ pointer: "/incoming/auth/password", code: "required" }] });
  });

  test("a rate for sending is kept, changed without a login, and taken away", async () => {
    const account = accountOn(stack, stack.dovecot.user());
    const outgoing = { ...account.outgoing, maxPerMinute: 60 };
    const path = await storeAccount(api, { ...account, outgoing, verify: false });
    type Told = { outgoing: { maxPerMinute?: number } };
    const patch = (change: unknown) => api.call<Told>("PATCH", path, { outgoing: change });
    expect((await api.call<Told>("GET", path)).body.outgoing.maxPerMinute).toBe(60);
    expect((await patch({ maxPerMinute: 30 })).body.outgoing.maxPerMinute).toBe(30);
    expect((await api.call("GET", `${path}/status`)).body["state"]).toBe("connecting");
    expect((await patch({ maxPerMinute: null })).body.outgoing).not.toHaveProperty("maxPerMinute");
    for (const maxPerMinute of [0, 6001, 1.5]) expect((await patch({ maxPerMinute })).status).toBe(422);
  });

  test("a PATCH that changes nothing is refused", async () => {
    const path = await storeAccount(api, { ...accountOn(stack, stack.dovecot.user()), verify: false });
    for (const patch of [{}, { verify: true }, { incoming: { protocol: "pop3" } }])
      expect((await api.call("PATCH", path, patch)).status).toBe(422);
  });

  test("a deleted account is gone, its rows too", async () => {
    const path = await storeAccount(api, accountOn(stack, stack.dovecot.user()));
    await api.call("GET", `${path}/folders`);
    expect((await api.call("DELETE", path)).status).toBe(204);
    for (const [method, below] of [
      ["GET", ""],
      ["DELETE", ""],
      ["GET", "/messages"],
      ["GET", "/status"],
    ] as const)
      expect((await api.call(method, path + below)).status).toBe(404);
    expect(await api.store.folders.list(path.split("/").at(-1) ?? "")).toEqual([]);
  });
});

test("a password that stops working: one login, then 409 without one, until verify finds it working again", async () => {
  const user = stack.dovecot.userWithPassword("first-password");
  const path = await storeAccount(api, accountOn(stack, user));
  await stack.dovecot.setPassword(user.username, "changed-password");
  const refused = () => stack.dovecot.log().split("auth failed").length;
  const before = refused();
  for (const _ of [1, 2, 3]) {
    const { status, body } = await api.call("GET", `${path}/messages`);
    expect([status, body["code"]]).toEqual([409, "account-authentication-failed"]);
  }
  expect(refused() - before).toBe(1);
  expect((await api.call("GET", `${path}/status`)).body).toMatchObject({
    state: "degraded",
    lastError: { code: "account-authentication-failed" },
  });
  await stack.dovecot.setPassword(user.username, "first-password");
  expect((await api.call("POST", `${path}/verify`)).body).toMatchObject({ incoming: "ok", outgoing: "ok" });
  expect((await api.call("GET", `${path}/messages`)).status).toBe(200);
  expect((await api.call("GET", `${path}/status`)).body).toMatchObject({ state: "connected" });
});

test("an account-bound key reaches its accounts only, and stores none", async () => {
  const user = stack.dovecot.user();
  const [mine, other] = [
    await storeAccount(api, { ...accountOn(stack, user), verify: false }),
    await storeAccount(api, { ...accountOn(stack, user), verify: false }),
  ];
  const accountId = mine.split("/").at(-1);
  const { body } = await api.call<{ key: string }>(
    "POST",
    `/v1/apps/${api.keys.appId}/keys`,
    { name: "bound", scopes: ["accounts:read", "accounts:write"], accountIds: [accountId] },
    { key: api.keys.operatorKey },
  );
  const { key } = body;
  const listed = await api.call<{ data: { id: string }[] }>("GET", "/v1/accounts", undefined, { key });
  expect(listed.body.data.map(({ id }) => id)).toEqual([accountId]);
  expect((await api.call("GET", mine, undefined, { key })).status).toBe(200);
  expect((await api.call("GET", other, undefined, { key })).status).toBe(404);
  expect((await api.call("POST", "/v1/accounts", accountOn(stack, user), { key })).status).toBe(403);
});

test("a canary password stands in no log line, no metric, no file of the database and no answer", async () => {
  const canary = "canary-7f3e-password";
  const user = stack.dovecot.userWithPassword(canary);
  const path = await storeAccount(api, accountOn(stack, user));
  const answers = [
    await api.call("GET", path),
    await api.call("GET", `${path}/folders`),
    await api.call("GET", `${path}/messages`),
    await api.call("POST", `${path}/verify`),
    await api.call("PATCH", path, { incoming: { port: 1 } }),
    await api.call("POST", "/v1/accounts", { ...accountOn(stack, user), surplus: canary }),
    await api.call("POST", `${path}/nowhere`, { password: canary }),
  ];
  const seen = [...answers.map(({ text }) => text), ...api.lines, api.metrics.text()].join("\n");
  expect(seen).not.toContain(canary);
  expect(seen).not.toContain(Buffer.from(canary).toString("base64"));
  const files = readdirSync(api.folder).map((name) => readFileSync(join(api.folder, name)));
  expect(files.some((bytes) => bytes.includes(user.username))).toBe(true);
  for (const bytes of files) expect(bytes.includes(canary)).toBe(false);
});
