import type { createKey as operation } from "../../operations/create-key.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { apiKeyInput, appParam, newApiKey } from "./schema.ts";

const route = contract({
  operationId: "apps.keys.create",
  method: "post",
  path: "/v1/apps/{appId}/keys",
  scope: "operator",
  tag: "Keys",
  summary: "Make a key",
  description:
    "Give a key only the scopes that its program needs; bind it to accounts with `accountIds` where it works for one customer. " +
    "The answer's `key` is the only time that you see it.",
  request: { params: appParam, body: apiKeyInput },
  responses: {
    201: {
      description: "The key, told this once.",
      headers: { Location: { description: "Where the key's entry is.", schema: { type: "string" } } },
      content: { "application/json": { schema: newApiKey } },
    },
  },
});

export function createKey(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { appId } = c.req.valid("param");
    const made = await run(appId, c.req.valid("json"));
    return c.json(made, 201, { Location: `/v1/apps/${appId}/keys/${made.id}` });
  });
}
