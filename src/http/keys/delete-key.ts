import type { deleteKey as operation } from "../../operations/delete-key.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { keyParams } from "./schema.ts";

const route = contract({
  operationId: "apps.keys.delete",
  method: "delete",
  path: "/v1/apps/{appId}/keys/{keyId}",
  scope: "operator",
  tag: "Keys",
  summary: "Revoke a key",
  description: "The key is refused from the next request on. This can't be taken back.",
  request: { params: keyParams },
  responses: { 204: { description: "It is revoked." } },
});

export function deleteKey(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => {
    const { appId, keyId } = c.req.valid("param");
    await run(appId, keyId);
    return c.body(null, 204);
  });
}
