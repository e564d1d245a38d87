import { z } from "@hono/zod-openapi";
import type { getMe as operation } from "../../operations/get-me.ts";
import { app as appSchema } from "../apps/schema.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { id, nullable, scope, timestamp } from "../schemas.ts";

const me = z
  .discriminatedUnion("kind", [
    z
      .object({
        kind: z.literal("app"),
        keyId: id("key"),
        app: appSchema,
        scopes: z.array(scope),
        accountIds: nullable(z.array(id("acc"))).openapi({ description: "Null: all accounts of the app." }),
        expiresAt: nullable(timestamp).openapi({ description: "Null: never." }),
      })
      .openapi("AppMe"),
    z
      .object({
        kind: z.literal("operator"),
        keyId: nullable(id("key")).openapi({ description: "Null: the key is POSTERN_ADMIN_KEY." }),
      })
      .openapi("OperatorMe"),
  ])
  .openapi("Me");

const route = contract({
  operationId: "me.get",
  method: "get",
  path: "/v1/me",
  scope: "any",
  tag: "Me",
  summary: "What is my key?",
  description: "The key that you call with: its app, its scopes, its accounts. A good first call.",
  request: {},
  responses: { 200: { description: "The key.", content: { "application/json": { schema: me } } } },
});

export function getMe(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.var.caller), 200));
}
