import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scopes } from "../../src/mail/tenant.ts";
import { mintKey } from "../../src/operations/api-key.ts";
import { bootstrapKeys } from "../../src/operations/bootstrap-keys.ts";
import { adminKey, openTenants, type Tenants } from "./tenants.ts";

let tenants: Tenants;

beforeAll(async () => {
  tenants = await openTenants();
});
afterAll(() => tenants.close());

type Answer = { status: number; headers: Headers; text: string; body: Record<string, unknown> };

async function call(method: string, path: string, key: string | null, body?: unknown): Promise<Answer> {
  const headers = new Headers(key === null ? {} : { Authorization: `Bearer ${key}` });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  const response = await tenants.app.request(path, init);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

const asOperator = (method: string, path: string, body?: unknown) =>
  call(method, path, tenants.first.operatorKey, body);

async function newKey(more: Record<string, unknown> = {}): Promise<{ id: string; key: string; path: string }> {
  const path = `/v1/apps/${tenants.first.appId}/keys`;
  const made = await asOperator("POST", path, { name: "Key", scopes: ["messages:read"], ...more });
  expect(made.status).toBe(201);
  const id = String(made.body["id"]);
  expect(made.headers.get("location")).toBe(`${path}/${id}`);
  return { id, key: String(made.body["key"]), path: `${path}/${id}` };
}

describe("the first start", () => {
  test("makes an operator key and an app key with every scope", async () => {
    const { operatorKey, appId, appKey } = tenants.first;
    expect((await call("GET", "/v1/me", operatorKey)).body).toMatchObject({ kind: "operator" });
    expect((await call("GET", "/v1/me", appKey)).body).toMatchObject({
      kind: "app",
      app: { id: appId, name: "Default" },
      scopes: [...scopes],
      accountIds: null,
      expiresAt: null,
    });
  });

  test("happens once", async () => {
    const { settings, apps, keys } = tenants.store;
    expect(await bootstrapKeys({ settings, apps, keys, clock: { now: Date.now } })()).toBeNull();
  });
});

describe("an operator", () => {
  test("may bring his own key", async () => {
    expect((await call("GET", "/v1/me", adminKey)).body).toEqual({ kind: "operator", keyId: null });
    expect((await call("GET", "/v1/apps", adminKey)).status).toBe(200);
    expect((await call("GET", "/v1/apps", `${adminKey}x`)).status).toBe(401);
  });

  test("makes apps and pages through them", async () => {
    const made: unknown[] = [];
    for (let n = 0; n < 5; n += 1) {
      const app = await asOperator("POST", "/v1/apps", { name: `App ${n}` });
      expect(app.status).toBe(201);
      made.push(app.body["id"]);
    }
    const seen: unknown[] = [];
    let path: string | null = "/v1/apps?limit=2";
    while (path !== null) {
      const page: Answer = await asOperator("GET", path);
      const data = page.body["data"] as { id: string }[];
      expect(data.length).toBeLessThanOrEqual(2);
      seen.push(...data.map(({ id }) => id));
      const cursor = page.body["nextCursor"];
      path = typeof cursor === "string" ? `/v1/apps?limit=2&cursor=${cursor}` : null;
    }
    expect(seen).toHaveLength(new Set(seen).size);
    expect(seen).toEqual(expect.arrayContaining([tenants.first.appId, ...made]));
  });

  test("finds each bad input named", async () => {
    const bad: [unknown, string, string][] = [
      [{}, "/name", "required"],
      [{ name: 7 }, "/name", "type"],
      [{ name: null }, "/name", "type"],
      [{ name: "" }, "/name", "too-small"],
      [{ name: "x".repeat(201) }, "/name", "too-big"],
      [{ name: "a\r\nb" }, "/name", "control-character"],
      [{ name: "a", nam: 1 }, "/nam", "unknown-field"],
    ];
    for (const [body, pointer, code] of bad) {
      const answer = await asOperator("POST", "/v1/apps", body);
      expect(answer.status).toBe(422);
      expect(answer.body["errors"]).toContainEqual(expect.objectContaining({ pointer, code }));
    }
    for (const limit of ["0", "-1", "abc", "201", "1.5", "1e2", "", "%31x", "+1"]) {
      const answer = await asOperator("GET", `/v1/apps?limit=${limit}`);
      expect(answer.status).toBe(422);
      expect(answer.body["errors"]).toEqual([expect.objectContaining({ pointer: "?limit" })]);
    }
    expect((await asOperator("GET", "/v1/apps?limit=1&limit=2")).body["errors"]).toEqual([
      expect.objectContaining({ pointer: "?limit", code: "duplicate" }),
    ]);
    for (const cursor of ["x", "AAAA", "..", "A".repeat(300)]) {
      expect((await asOperator("GET", `/v1/apps?cursor=${cursor}`)).body["code"]).toBe("invalid-cursor");
    }
    expect((await asOperator("GET", "/v1/apps?cursor=")).status).toBe(422);
  });
});

describe("a key", () => {
  test("is told once, and only its hash is stored", async () => {
    const { key, path, id } = await newKey();
    const entry = await asOperator("GET", path);
    expect(entry.body).toMatchObject({ id, name: "Key", scopes: ["messages:read"], hint: `${key.slice(0, 8)}…` });
    const list = await asOperator("GET", `/v1/apps/${tenants.first.appId}/keys?limit=200`);
    expect(entry.text + list.text).not.toContain(key);
    expect(list.text).toContain(id);
    expect(JSON.stringify(await tenants.store.keys.get(tenants.first.appId, id))).not.toContain(key);
  });

  test("pages of one app are not pages of another", async () => {
    await newKey();
    const mine = await asOperator("GET", `/v1/apps/${tenants.first.appId}/keys?limit=1`);
    const other = await asOperator("POST", "/v1/apps", { name: "Other" });
    const foreign = `/v1/apps/${String(other.body["id"])}/keys?cursor=${String(mine.body["nextCursor"])}`;
    expect((await asOperator("GET", foreign)).body["code"]).toBe("invalid-cursor");
  });

  test("revoked, expired, unknown, misspelt, missing: one 401, and only real keys cost a look into the database", async () => {
    const revoked = await newKey();
    expect((await call("GET", "/v1/me", revoked.key)).status).toBe(200);
    expect((await asOperator("DELETE", revoked.path)).status).toBe(204);
    expect((await asOperator("DELETE", revoked.path)).status).toBe(404);
    const expiring = await newKey({ expiresAt: new Date(Date.now() + 60_000).toISOString() });
    expect((await call("GET", "/v1/me", expiring.key)).body["expiresAt"]).not.toBeNull();
    tenants.pass(61_000);
    const good = tenants.first.appKey;
    const cases: [string | null, number][] = [
      [revoked.key, 1],
      [expiring.key, 1],
      [mintKey(), 1],
      [null, 0],
      ["", 0],
      ["pst_", 0],
      [`${good.slice(0, -1)}${good.endsWith("a") ? "b" : "a"}`, 0],
      [good.toLowerCase(), 0],
      [`${good}x`, 0],
      ["x".repeat(5000), 0],
    ];
    const bodies = new Set<string>();
    for (const [key, expected] of cases) {
      const before = tenants.lookups();
      const answer = await call("GET", "/v1/me", key);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="postern"');
      expect(tenants.lookups() - before).toBe(expected);
      bodies.add(answer.text.replaceAll(/req_[0-9a-v]{26}/g, "req"));
    }
    expect(bodies.size).toBe(1);
  });

  test("takes known scopes, own accounts and a time to come", async () => {
    const path = `/v1/apps/${tenants.first.appId}/keys`;
    const bad: [Record<string, unknown>, string, string][] = [
      [{ scopes: ["operator"] }, "/scopes/0", "value"],
      [{ scopes: [] }, "/scopes", "too-small"],
      [{ scopes: ["messages:read", "messages:read"] }, "/scopes", "duplicate"],
      [{ scopes: "messages:read" }, "/scopes", "type"],
      [{ accountIds: [] }, "/accountIds", "too-small"],
      [{ accountIds: ["acc_1"] }, "/accountIds/0", "format"],
      [{ accountIds: [`acc_${"0".repeat(26)}`] }, "/accountIds/0", "unknown-account"],
      [{ expiresAt: "2020-01-01T00:00:00Z" }, "/expiresAt", "past"],
      [{ expiresAt: "tomorrow" }, "/expiresAt", "format"],
      [{ expiresAt: 1_900_000_000 }, "/expiresAt", "type"],
    ];
    for (const [more, pointer, code] of bad) {
      const answer = await asOperator("POST", path, { name: "Key", scopes: ["messages:read"], ...more });
      expect(answer.status).toBe(422);
      expect(answer.body["errors"]).toContainEqual(expect.objectContaining({ pointer, code }));
    }
  });

  test("of no app is not found", async () => {
    const missing = `/v1/apps/app_${"0".repeat(26)}/keys`;
    expect((await asOperator("GET", missing)).status).toBe(404);
    expect((await asOperator("POST", missing, { name: "Key", scopes: ["messages:read"] })).status).toBe(404);
  });
});

test("no key and no secret of a request reaches the log, and each request has one line", async () => {
  tenants.lines.length = 0;
  const canary = "canary-3f9c";
  await call("GET", `/v1/apps?name=${canary}`, tenants.first.operatorKey);
  await asOperator("POST", "/v1/apps", { name: canary, password: canary });
  await call("GET", `/nowhere/${canary}`, null);
  const { key } = await newKey();
  await call("GET", "/v1/me", key);
  expect(tenants.lines).toHaveLength(5);
  const all = tenants.lines.join("");
  for (const secret of [canary, key, tenants.first.operatorKey]) expect(all).not.toContain(secret);
  expect(JSON.parse(tenants.lines[4] ?? "")).toMatchObject({
    event: "http.request",
    method: "GET",
    route: "/v1/me",
    operation: "me.get",
    status: 200,
    appId: tenants.first.appId,
    keyId: expect.stringMatching(/^key_/),
    requestId: expect.stringMatching(/^req_[0-9a-v]{26}$/),
    durationMs: expect.any(Number),
    bytes: expect.any(Number),
  });
});
