import { createFront } from "../src/http/front.ts";
import type { Front } from "../src/http/env.ts";
import { createMetrics } from "../src/http/metrics.ts";
import { registerRoutes, type Operations } from "../src/http/routes.ts";

const never = () => Promise.reject(new Error("This front door is for its document only."));

/** A front door with every route and nothing behind it: enough to be described. */
export function describedFront(): Front {
  const app = createFront({
    config: { maxBody: 1024 * 1024, publicUrl: null },
    maxMessage: 0,
    log: { write() {} },
    metrics: createMetrics(),
    clock: { now: Date.now, sleep: never },
    authenticate: never,
    ready: never,
    docsScript: null,
  });
  registerRoutes(app, new Proxy({} as Operations, { get: () => never }));
  return app;
}
