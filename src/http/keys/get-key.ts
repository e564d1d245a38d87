import type { getKey as operation } from "../../operations/get-key.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { apiKey, keyParams } from "./schema.ts";

const route = contract({
  operationId: "apps.keys.get",
  method: "get",
  path: "/v1/apps/{appId}/keys/{keyId}",
  scope: "operator",
  tag: "Keys",
  summary: "Look at a key",
  description: "Name, scopes, accounts and expiry. The key itself is not in it.",
  request: { params: keyParams },
  responses: {
    200: { description: "The key's entry.", content: { "application/json": { schema: apiKey } } },
  },
});

export function getKey(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { appId, keyId } = c.req.valid("param");
    return c.json(await run(appId, keyId), 200);
  });
}
