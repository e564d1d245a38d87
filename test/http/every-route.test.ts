import { afterAll, beforeAll, expect, test } from "vitest";
import { buildDocument } from "../../src/http/document.ts";
import { scopes } from "../../src/mail/tenant.ts";
import { checkEveryRoute, type Document, type Setup } from "./every-route.ts";
import { openTenants, type Tenants } from "./tenants.ts";

let tenants: Tenants;
let setup: Setup;

async function operator<T>(path: string, body: unknown): Promise<T> {
  const response = await tenants.app.request(path, {
    method: "POST",
    headers: { Authorization: `Bearer ${tenants.first.operatorKey}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as T;
}

beforeAll(async () => {
  tenants = await openTenants();
  const newKey = (appId: string, name: string, granted: readonly string[]) =>
    operator<{ id: string; key: string }>(`/v1/apps/${appId}/keys`, { name, scopes: granted });
  const owner = await operator<{ id: string }>("/v1/apps", { name: "Owner of secrets" });
  const stranger = await operator<{ id: string }>("/v1/apps", { name: "Stranger" });
  const ownerKey = await newKey(owner.id, "Owner's key", scopes);
  const strangerKey = await newKey(stranger.id, "Stranger's key", scopes);
  setup = {
    fetch: (request) => tenants.app.fetch(request),
    document: buildDocument(tenants.app, null) as unknown as Document,
    operatorKey: tenants.first.operatorKey,
    owner: { key: ownerKey.key, things: { appId: owner.id, keyId: ownerKey.id } },
    stranger: { key: strangerKey.key, things: { appId: stranger.id, keyId: strangerKey.id } },
    keyWithout: async (scope) =>
      (
        await newKey(
          owner.id,
          "Lacking",
          scopes.filter((name) => name !== scope),
        )
      ).key,
    missing: { appId: `app_${"0".repeat(26)}`, keyId: `key_${"0".repeat(26)}` },
    foreignWords: ["Owner of secrets", "Owner's key"],
    bodies: { "apps.keys.create": { name: "More", scopes: ["accounts:read"] } },
  };
});

afterAll(() => tenants.close());

test("every route keeps what the document promises", async () => {
  expect(await checkEveryRoute(setup)).toEqual([]);
});

test("a path parameter without a thing to try is a complaint", async () => {
  const { keyId: _, ...things } = setup.owner.things;
  const complaints = await checkEveryRoute({ ...setup, owner: { ...setup.owner, things } });
  expect(complaints).toContain("/v1/apps/{appId}/keys/{keyId}: the setup has no keyId");
});

test("a status that is not documented is a complaint", async () => {
  const document = structuredClone(setup.document);
  delete document.paths["/v1/me"]?.["get"]?.responses["401"];
  expect(await checkEveryRoute({ ...setup, document })).toContain("me.get: the key missing: 401 is not documented");
});
