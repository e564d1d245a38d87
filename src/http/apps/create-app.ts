import { z } from "@hono/zod-openapi";
import type { createApp as operation } from "../../operations/create-app.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import { oneLine } from "../schemas.ts";
import { app as appSchema } from "./schema.ts";

const route = contract({
  operationId: "apps.create",
  method: "post",
  path: "/v1/apps",
  scope: "operator",
  tag: "Apps",
  summary: "Make an app",
  description: "An app is a tenant: its accounts, keys and mail are invisible to every other app. Make it a key next.",
  request: {
    body: z
      .strictObject({
        name: oneLine(200).openapi({ description: "For people; need not be unique.", example: "Help desk" }),
      })
      .openapi("AppInput"),
  },
  responses: {
    201: { description: "The app.", content: { "application/json": { schema: appSchema } } },
  },
});

export function createApp(app: Front, run: ReturnType<typeof operation>): void {
  app.openapi(route, async (c) => c.json(await run(c.req.valid("json")), 201));
}
