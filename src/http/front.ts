import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { Failure } from "../errors.ts";
import { randomId } from "../mail/id.ts";
import { createByteBudget } from "../operations/byte-budget.ts";
import type { Front, FrontEnv, FrontNeeds } from "./env.ts";
import { describeError } from "./log.ts";
import { methodsOf } from "./methods.ts";
import { NodeRequest } from "./node-request.ts";
import { problem } from "./problem.ts";
import { decodeStrictly } from "./query.ts";
import { keepWhole } from "./whole-answer.ts";
import { accessLog } from "./access-log.ts";
import { validationFailure } from "./input-errors.ts";
import { docs } from "./docs/docs.ts";
import { getDocument } from "./docs/get-document.ts";
import { live } from "./health/live.ts";
import { metricsRoute } from "./health/metrics.ts";
import { ready } from "./health/ready.ts";

/** Octets of path and query together; longer is 414. */
const maxUri = 8192;

/** Octets of long JSON bodies that are held at once (what is made of them takes three times as much), and how long one waits for its share, milliseconds. */
const heldAtOnce = { total: 160 * 1024 * 1024, waitMs: 10_000 };

/**
 * The front door with all that every route shares: request ids, the log line, strict URLs, problems, security headers,
 * 405 and OPTIONS, and the routes that need no key. Each route is then registered on it by a plain statement.
 */
export function createFront(needs: FrontNeeds): Front {
  const app: Front = new OpenAPIHono<FrontEnv>({
    defaultHook: (result) => {
      if (!result.success)
        throw validationFailure(result.target, result.error.issues, "data" in result ? result.data : undefined);
    },
  });
  app.use(carry(needs));
  app.use(accessLog);
  app.use(securityHeaders(needs.config.publicUrl));
  app.use(strictUri);
  app.onError((error, c) => answerError(error, c));
  app.notFound((c) => answerUnrouted(app, c));
  live(app);
  ready(app, needs.ready);
  metricsRoute(app, needs.metrics);
  getDocument(app);
  docs(app, needs.docsScript);
  return app;
}

function carry(needs: FrontNeeds): MiddlewareHandler<FrontEnv> {
  const memory = createByteBudget(needs.clock, { ...heldAtOnce, total: needs.heldAtOnce ?? heldAtOnce.total });
  return async (c, next) => {
    c.set("front", needs);
    c.set("memory", memory);
    c.set("requestId", randomId("req"));
    c.set("line", {});
    Object.assign(c, { json: jsonAnswer(c) });
    await next();
  };
}

/** `c.json` with its text kept. On Node that is what is sent, and the answer has no stream of it: it takes ten times as long to make with one. */
function jsonAnswer(c: Context<FrontEnv>) {
  return (value: unknown, status?: ContentfulStatusCode, headers: Record<string, string> = {}): Response => {
    const text = JSON.stringify(value);
    const fields = { ...headers, "Content-Type": "application/json" };
    return keepWhole(
      c.req.raw instanceof NodeRequest ? c.body(null, status, fields) : c.body(text, status, fields),
      text,
    );
  };
}

/** An API answer is never framed, sniffed, cached by others or sent to other origins; a route may say otherwise. */
function securityHeaders(publicUrl: string | null): MiddlewareHandler<FrontEnv> {
  const standing: [string, string][] = [
    ["X-Content-Type-Options", "nosniff"],
    ["X-Frame-Options", "DENY"],
    ["Referrer-Policy", "no-referrer"],
    ["Cross-Origin-Resource-Policy", "same-origin"],
    ["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"],
    ["Cache-Control", "no-store"],
    ...(publicUrl?.startsWith("https:")
      ? [["Strict-Transport-Security", "max-age=31536000"] satisfies [string, string]]
      : []),
  ];
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    headers.set("X-Request-Id", c.get("requestId"));
    for (const [name, value] of standing) if (!headers.has(name)) headers.set(name, value);
  };
}

const strictUri: MiddlewareHandler<FrontEnv> = async (c, next) => {
  const { pathname, search } = new URL(c.req.url);
  if (pathname.length + search.length > maxUri) {
    throw new Failure("uri-too-long", `Path and query are longer than ${maxUri} characters.`);
  }
  decodeStrictly(pathname);
  await next();
};

function answerError(error: Error, c: Context<FrontEnv>): Response {
  const failure = toFailure(error);
  const line = c.get("line");
  const { upstream, cause } = failure.details;
  line.code = failure.code;
  if (upstream !== undefined) {
    const { text: _, ...told } = upstream;
    line.upstream = told;
  }
  if (failure.code === "internal") line.cause = describeError(error);
  else if (failure.status > 500 && cause !== undefined) line.cause = describeError(cause);
  const size = failure.code === "range-not-satisfiable" ? failure.details.extra?.["size"] : undefined;
  return problem(failure, c.var.requestId, typeof size === "number" ? { "Content-Range": `bytes */${size}` } : {});
}

function toFailure(error: Error): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof HTTPException && error.status === 415) {
    return new Failure("unsupported-media-type", "The route does not take this content type.");
  }
  return new Failure("internal", "Postern failed on this request; the log has more under its requestId.");
}

/** A path that is known under other methods is 405 with Allow, or the answer to OPTIONS; every other one is 404. */
function answerUnrouted(app: Front, c: Context<FrontEnv>): Response {
  const allowed = methodsOf(app, new URL(c.req.url).pathname);
  const { requestId } = c.var;
  if (allowed.length === 0) {
    c.var.line.code = "not-found";
    const failure = new Failure("not-found", "There is nothing at this path.", {
      fix: "Every route is in /openapi.json, and to read at /docs.",
    });
    return problem(failure, requestId);
  }
  const allow = [...allowed, "OPTIONS"].join(", ");
  if (c.req.method === "OPTIONS") return new Response(null, { status: 204, headers: { Allow: allow } });
  c.var.line.code = "method-not-allowed";
  const failure = new Failure("method-not-allowed", `The path takes ${allow}.`);
  return problem(failure, requestId, { Allow: allow });
}
