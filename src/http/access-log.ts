import type { Context, MiddlewareHandler } from "hono";
import { failures } from "../errors.ts";
import type { LogLevel } from "../observe.ts";
import type { FrontEnv } from "./env.ts";
import { keepWhole, wholeOf } from "./whole-answer.ts";

/** Probes and scrapes come every few seconds; they are told only to those who ask for everything. */
const quiet = new Set(["/livez", "/readyz", "/metrics"]);

/**
 * One line and its metrics per request, when the answer is complete: for a stream that is the end of its body. Other answers
 * are built whole in memory, and are sent with their Content-Length.
 */
export const accessLog: MiddlewareHandler<FrontEnv> = async (c, next) => {
  const started = performance.now();
  await next();
  const { streamed } = c.get("line");
  if (streamed !== undefined) {
    streamed((bytes, outcome) => tell(c, started, bytes, outcome));
    return;
  }
  const content = wholeOf(c.res) ?? (await readWhole(c));
  const length = content === null ? 0 : Buffer.byteLength(content);
  if (content !== null) c.res.headers.set("Content-Length", String(length));
  tell(c, started, c.req.method === "HEAD" ? 0 : length, "whole");
};

/** Reads an answer that was not kept whole, and puts one that is into its place; null: it has no body. */
async function readWhole(c: Context<FrontEnv>): Promise<Uint8Array | null> {
  const { status, headers, body } = c.res;
  if (body === null) return null;
  const content = new Uint8Array(await c.res.arrayBuffer());
  c.res = undefined;
  c.res = keepWhole(new Response(content, { status, headers }), content);
  return content;
}

function level(status: number, route: string | undefined, outcome: string): LogLevel {
  if (status === 500) return "error";
  if (status > 500 || outcome === "failed") return "warn";
  return route !== undefined && quiet.has(route) ? "debug" : "info";
}

function tell(c: Context<FrontEnv>, started: number, bytes: number, outcome: "whole" | "aborted" | "failed"): void {
  const front = c.get("front");
  const line = c.get("line");
  const { status } = c.res;
  const milliseconds = performance.now() - started;
  front.log.write(level(status, line.route, outcome), "http.request", {
    requestId: c.get("requestId"),
    method: c.req.method,
    route: line.route ?? null,
    operation: line.operation ?? null,
    status,
    ...(line.code !== undefined && { code: line.code, fault: failures[line.code].fault }),
    ...(line.upstream !== undefined && { upstream: line.upstream }),
    ...(line.cause !== undefined && { cause: line.cause }),
    ...(outcome !== "whole" && { outcome }),
    durationMs: Math.round(milliseconds * 10) / 10,
    bytes,
    ...(line.appId !== undefined && { appId: line.appId }),
    ...(line.keyId !== undefined && { keyId: line.keyId }),
    ...(line.accountId !== undefined && { accountId: line.accountId }),
  });
  const route = line.operation ?? "none";
  front.metrics.count("postern_http_requests_total", { operation: route, status: String(status) });
  front.metrics.observe("postern_http_request_duration_seconds", milliseconds / 1000, { operation: route });
  if (outcome !== "whole") front.metrics.count("postern_http_streams_cut_total", { operation: route, outcome });
}
