import { z } from "@hono/zod-openapi";
import { describe, expect, test, vi } from "vitest";
import { Failure, failures, type FailureCode } from "../../src/errors.ts";
import { bodyBytes } from "../../src/http/body.ts";
import { contract } from "../../src/http/contract.ts";
import type { Front } from "../../src/http/env.ts";
import { createFront } from "../../src/http/front.ts";
import { createLog } from "../../src/http/log.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { idempotencyHeaders, idParam, nullable } from "../../src/http/schemas.ts";
import type { Caller } from "../../src/mail/tenant.ts";

const account = `acc_${"1".repeat(26)}`;
const otherAccount = `acc_${"2".repeat(26)}`;

const callers: Record<string, Caller> = {
  all: { kind: "app", appId: "app_x", keyId: "key_all", scopes: ["messages:read", "messages:send"], accountIds: null },
  bound: { kind: "app", appId: "app_x", keyId: "key_bound", scopes: ["messages:read"], accountIds: [account] },
  operator: { kind: "operator", keyId: null },
};

/** A front door with two routes of our own; `work` is what they do. */
function open(work: () => unknown = () => "ok", ready: () => Promise<void> = () => Promise.resolve()) {
  const lines: Record<string, unknown>[] = [];
  const metrics = createMetrics();
  const clock = { now: Date.now, sleep: () => Promise.resolve() };
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const app: Front = createFront({
    config: { maxBody: 200, publicUrl: "https://mail.example.org" },
    maxMessage: 2_000_000,
    log: createLog({ level: "debug", write, clock, pretty: false }),
    metrics,
    clock,
    authenticate: (token) => Promise.resolve(callers[token] ?? null),
    ready,
    docsScript: null,
  });
  const params = z.object({ accountId: idParam("acc", "The account.") });
  const common = {
    tag: "Me",
    summary: "For this test",
    description: "A route that exists in this test only.",
    path: "/v1/accounts/{accountId}/things",
  } as const;
  const answer = {
    200: { description: "Fine.", content: { "application/json": { schema: z.object({ value: z.unknown() }) } } },
  };
  const get = contract({
    ...common,
    operationId: "things.get",
    method: "get",
    scope: "messages:read",
    request: { params },
    responses: answer,
  });
  app.openapi(get, async (c) => c.json({ value: await work() }, 200));
  const body = z.strictObject({
    to: z.union([z.string(), z.array(z.strictObject({ email: z.string() }))]),
    note: nullable(z.string()).optional(),
  });
  const post = contract({
    ...common,
    operationId: "things.create",
    method: "post",
    scope: "messages:send",
    request: { params, headers: idempotencyHeaders, body },
    responses: answer,
    maxBody: 400,
  });
  app.openapi(post, (c) => c.json({ value: [c.req.valid("header")["Idempotency-Key"], c.req.valid("json")] }, 200));
  return { app, lines, metrics };
}

async function drain(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}

const path = `/v1/accounts/${account}/things`;
const as = (key: string, more: Record<string, string> = {}) => ({
  headers: { Authorization: `Bearer ${key}`, ...more },
});

describe("failures", () => {
  test.each(Object.keys(failures) as FailureCode[])("%s becomes its problem", async (code) => {
    const { app, lines } = open(() => {
      throw new Failure(code, "What happened.", {
        fix: "Do this.",
        retryAfter: 2.5,
        extra: { side: "incoming", status: 200, code: "forged" },
        upstream: { protocol: "imap", phase: "login", host: "imap.example.org", text: "server words" },
      });
    });
    const response = await app.request(path, as("all"));
    const { status, title, retryable, fault } = failures[code];
    const requestId = response.headers.get("x-request-id");
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("retry-after")).toBe("3");
    expect(await response.json()).toEqual({
      type: `urn:postern:problem:${code}`,
      title,
      status,
      code,
      detail: "What happened.",
      instance: `urn:postern:request:${requestId ?? ""}`,
      requestId,
      retryable,
      retryAfter: 2.5,
      fix: "Do this.",
      side: "incoming",
      upstream: { protocol: "imap", phase: "login", host: "imap.example.org", text: "server words" },
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      code,
      fault,
      status,
      requestId,
      upstream: { phase: "login" },
      accountId: account,
    });
    expect(JSON.stringify(lines)).not.toContain("server words");
  });

  test("what nobody expected is 500 without a word of it; the log has where", async () => {
    for (const error of [
      new Error("password canary"),
      new SyntaxError("mail canary"),
      Object.assign(new Error("canary"), { cause: new Error("canary") }),
    ]) {
      const { app, lines } = open(() => {
        throw error;
      });
      const response = await app.request(path, as("all"));
      const text = await response.text();
      expect(response.status).toBe(500);
      expect(text).toContain('"code":"internal"');
      expect(text + JSON.stringify(lines)).not.toContain("canary");
      expect(lines).toEqual([
        expect.objectContaining({ level: "error", cause: expect.objectContaining({ name: error.name }) }),
      ]);
      expect(JSON.stringify(lines[0])).toContain("front.test.ts");
    }
  });
});

describe("accounts and keys", () => {
  test("a key bound to accounts sees no other one", async () => {
    const { app } = open();
    expect((await app.request(path, as("bound"))).status).toBe(200);
    const foreign = await app.request(`/v1/accounts/${otherAccount}/things`, as("bound"));
    expect(foreign.status).toBe(404);
  });

  test("an operator key is told which key to use", async () => {
    const response = await open().app.request(path, as("operator"));
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      code: "scope-missing",
      fix: expect.stringContaining("POST /v1/apps/{appId}/keys"),
    });
  });

  test.each(["Bearer", "Bearer ", "all", "Basic all", "Bearer all all", "Token all"])(
    "Authorization: %s is none",
    async (header) => {
      const response = await open().app.request(path, { headers: { Authorization: header } });
      expect(response.status).toBe(401);
    },
  );

  test("the scheme's case and spaces do not matter", async () => {
    expect((await open().app.request(path, { headers: { Authorization: "bearer  all" } })).status).toBe(200);
  });
});

describe("bodies and headers", () => {
  const send = (body: string, more: Record<string, string> = { "Idempotency-Key": "k1" }, type = "application/json") =>
    open().app.request(path, { method: "POST", ...as("all", { "Content-Type": type, ...more }), body });

  test("arrive as they were sent", async () => {
    const response = await send(
      '{"to":"é","note":null}',
      { "idempotency-key": "k 1".replace(" ", "-") },
      "Application/JSON; charset=UTF-8",
    );
    expect(await response.json()).toEqual({ value: ["k-1", { to: "é", note: null }] });
  });

  test.each([
    [{}, "idempotency-key-missing"],
    [{ "Idempotency-Key": "" }, "idempotency-key-invalid"],
    [{ "Idempotency-Key": "two words" }, "idempotency-key-invalid"],
    [{ "Idempotency-Key": "x".repeat(256) }, "idempotency-key-invalid"],
  ])("Idempotency-Key %j is %s", async (headers, code) => {
    const response = await send('{"to":"x"}', headers);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code });
  });

  const bad: [body: string, pointer: string, code: string][] = [
    ['{"to":1}', "/to", "type"],
    ["{}", "/to", "required"],
    ['{"to":[{"email":1}]}', "/to/0/email", "type"],
    ['{"to":[{"email":"x","extra":1}]}', "/to/0/extra", "unknown-field"],
    ['{"to":"x","note":1}', "/note", "type"],
    ['{"to":"x","a~/b":1}', "/a~0~1b", "unknown-field"],
    ["[]", "", "type"],
    ["null", "", "type"],
    ['"x"', "", "type"],
  ];
  test.each(bad)("%s is told at %s as %s", async (body, pointer, code) => {
    const response = await send(body);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ errors: [{ pointer, code }] });
  });

  test("the route's own limit holds, not the common one", async () => {
    expect((await send(`{"to":"${"x".repeat(300)}"}`)).status).toBe(200);
    const response = await send(`{"to":"${"x".repeat(400)}"}`);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ code: "body-too-large", limit: 400 });
  });

  test.each(["text/plain", "application/xml", "application/json; charset=latin1", "multipart/form-data; boundary=x"])(
    "%s is 415",
    async (type) => {
      expect((await send('{"to":"x"}', { "Idempotency-Key": "k" }, type)).status).toBe(415);
    },
  );

  test("a body that stalls is given up after 30 s, and the upload is canceled", async () => {
    vi.useFakeTimers();
    try {
      const cancel = vi.fn<() => void>();
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array(1)),
        cancel,
      });
      const request = new Request("http://postern/", { method: "POST", body, duplex: "half" });
      const reading = drain(bodyBytes(request, 100)).catch((error: unknown) => error);
      await vi.advanceTimersByTimeAsync(30_001);
      expect(await reading).toMatchObject({ code: "request-timeout" });
      expect(cancel).toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("operations", () => {
  test("/livez answers while /readyz does not", async () => {
    const { app, lines } = open(undefined, () => Promise.reject(new Error("disk canary")));
    expect(await (await app.request("/livez")).json()).toEqual({ status: "ok" });
    const response = await app.request("/readyz");
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
    expect((await response.text()) + JSON.stringify(lines)).not.toContain("canary");
    expect(await (await open().app.request("/readyz")).json()).toEqual({ status: "ready" });
  });

  test("/metrics counts requests by operation and status", async () => {
    const { app } = open();
    await app.request(path, as("all"));
    await app.request("/nowhere");
    const response = await app.request("/metrics");
    const text = await response.text();
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(text).toContain('postern_http_requests_total{operation="things.get",status="200"} 1\n');
    expect(text).toContain('postern_http_requests_total{operation="none",status="404"} 1\n');
    expect(text).toContain('postern_http_request_duration_seconds_count{operation="things.get"} 1\n');
  });

  test("/openapi.json has an ETag, the public URL, and 304", async () => {
    const { app } = open();
    const response = await app.request("/openapi.json");
    const etag = response.headers.get("etag") ?? "";
    expect(await response.json()).toMatchObject({ openapi: "3.1.0", servers: [{ url: "https://mail.example.org" }] });
    const again = await app.request("/openapi.json", { headers: { "If-None-Match": `"x", ${etag}` } });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
  });

  test("every answer has the security headers and allows no other origin", async () => {
    const { app } = open();
    for (const target of ["/livez", "/docs", "/nowhere", path]) {
      const { headers } = await app.request(target, { headers: { Origin: "https://evil.example" } });
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
      expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
    }
  });

  test("an id from the caller is not taken over", async () => {
    const response = await open().app.request("/livez", { headers: { "X-Request-Id": "forged" } });
    expect(response.headers.get("x-request-id")).toMatch(/^req_[0-9a-v]{26}$/);
  });
});
