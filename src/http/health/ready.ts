import { z } from "@hono/zod-openapi";
import { Failure } from "../../errors.ts";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";

const route = contract({
  operationId: "health.ready",
  method: "get",
  path: "/readyz",
  scope: "none",
  tag: "Operations",
  summary: "Can it take work?",
  description:
    "Answers 200 while the database answers. Point a readiness probe here: a failure means send the traffic elsewhere.",
  request: {},
  responses: {
    200: {
      description: "It takes work.",
      content: { "application/json": { schema: z.object({ status: z.literal("ready") }) } },
    },
  },
  errors: ["storage-unavailable"],
});

export function ready(app: Front, check: () => Promise<void>): void {
  app.openapi(route, async (c) => {
    try {
      await check();
    } catch (cause) {
      throw new Failure("storage-unavailable", "The database does not answer.", { retryAfter: 5, cause });
    }
    return c.json({ status: "ready" } as const, 200);
  });
}
