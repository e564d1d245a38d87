import { afterAll, beforeAll, expect, test } from "vitest";
import { buildDocument } from "../../src/http/document.ts";
import { scopes } from "../../src/mail/tenant.ts";
import { checkEveryRoute, type Document, type Setup } from "./every-route.ts";
import { openTenants, type Tenants } from "./tenants.ts";

let tenants: Tenants;
let setup: Setup;

const none = (prefix: string): string => `${prefix}_${"0".repeat(26)}`;

async function post<T>(key: string, path: string, body: unknown): Promise<T> {
  const response = await tenants.app.request(path, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.ok).toBe(true);
  return (await response.json()) as T;
}

const operator = <T>(path: string, body: unknown): Promise<T> => post<T>(tenants.first.operatorKey, path, body);

/** A webhook of a key's app, with a delivery. */
async function webhookOf(key: string): Promise<{ webhookId: string; deliveryId: string }> {
  const webhook = { url: "https://receiver.example/secret-path", description: "Secret description" };
  const { id: webhookId } = await post<{ id: string }>(key, "/v1/webhooks", webhook);
  const test = { type: "message.created" };
  const { id: deliveryId } = await post<{ id: string }>(key, `/v1/webhooks/${webhookId}/test`, test);
  return { webhookId, deliveryId };
}

beforeAll(async () => {
  tenants = await openTenants();
  const newKey = (appId: string, name: string, granted: readonly string[], accountIds: string[] | null = null) =>
    operator<{ id: string; key: string }>(`/v1/apps/${appId}/keys`, { name, scopes: granted, accountIds });
  const owner = await operator<{ id: string }>("/v1/apps", { name: "Owner of secrets" });
  const stranger = await operator<{ id: string }>("/v1/apps", { name: "Stranger" });
  const ownerKey = await newKey(owner.id, "Owner's key", scopes);
  const strangerKey = await newKey(stranger.id, "Stranger's key", scopes);
  const boundKey = await newKey(owner.id, "Bound", scopes, [await tenants.newAccount(owner.id)]);
  setup = {
    fetch: (request) => tenants.app.fetch(request),
    document: buildDocument(tenants.app, null) as unknown as Document,
    operatorKey: tenants.first.operatorKey,
    owner: { key: ownerKey.key, things: { appId: owner.id, keyId: ownerKey.id, ...(await webhookOf(ownerKey.key)) } },
    stranger: {
      key: strangerKey.key,
      things: { appId: stranger.id, keyId: strangerKey.id, ...(await webhookOf(strangerKey.key)) },
    },
    keyWithout: async (scope) =>
      (
        await newKey(
          owner.id,
          "Lacking",
          scopes.filter((name) => name !== scope),
        )
      ).key,
    boundKey: boundKey.key,
    missing: { appId: none("app"), keyId: none("key"), webhookId: none("whk"), deliveryId: none("dlv") },
    foreignWords: ["Owner of secrets", "Owner's key", "secret-path", "Secret description"],
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
