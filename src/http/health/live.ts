import { z } from "@hono/zod-openapi";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";

const route = contract({
  operationId: "health.live",
  method: "get",
  path: "/livez",
  scope: "none",
  tag: "Operations",
  summary: "Is the process alive?",
  description: "Answers as long as the process runs. Point a liveness probe here: a failure means restart it.",
  request: {},
  responses: {
    200: {
      description: "It is alive.",
      content: { "application/json": { schema: z.object({ status: z.literal("ok") }) } },
    },
  },
});

export function live(app: Front): void {
  app.openapi(route, (c) => c.json({ status: "ok" } as const, 200));
}
