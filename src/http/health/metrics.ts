import { z } from "@hono/zod-openapi";
import { contract } from "../contract.ts";
import type { Front } from "../env.ts";
import type { MetricsRegistry } from "../metrics.ts";

const route = contract({
  operationId: "metrics.get",
  method: "get",
  path: "/metrics",
  scope: "none",
  tag: "Operations",
  summary: "Counters for Prometheus",
  description:
    "Prometheus' text format. It names no app, no account and nobody's mail; keep it inside your network all the same.",
  request: {},
  responses: {
    200: {
      description: "All metrics.",
      content: {
        "text/plain": {
          schema: z.string(),
          example: 'postern_http_requests_total{operation="apps.list",status="200"} 3\n',
        },
      },
    },
  },
});

export function metricsRoute(app: Front, metrics: MetricsRegistry): void {
  app.openapi(route, (c) =>
    c.text(metrics.text(), 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }),
  );
}
