import { createRoute, z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { failures, type FailureCode } from "../errors.ts";
import type { AppCaller, Caller } from "../mail/tenant.ts";
import type { FrontEnv, RouteScope } from "./env.ts";
import { guard } from "./guard.ts";

type CallerFor<S extends RouteScope> = S extends "none"
  ? undefined
  : S extends "any"
    ? Caller
    : S extends "operator"
      ? Extract<Caller, { kind: "operator" }>
      : AppCaller;

type Method = "get" | "post" | "patch" | "delete" | "put";

/**
 * `params` and `headers` are plain objects; `query` and `body` are strict ones, so that unknown names are refused. `raw` is the
 * media type of a body that is taken as it comes, instead of JSON: the handler reads it (`anyMedia`: of any type, or none).
 */
type Asked = { params?: z.ZodObject; query?: z.ZodObject; headers?: z.ZodObject; body?: z.ZodType; raw?: string };

type HeaderDoc = { description: string; schema: { type: "string" | "integer"; example?: string | number } };
type Answer = {
  description: string;
  headers?: Record<string, HeaderDoc>;
  content?: Record<string, { schema: z.ZodType; example?: unknown }>;
};

type Terms<
  P extends string,
  M extends Method,
  S extends RouteScope,
  R extends Asked,
  A extends Record<number, Answer>,
> = {
  /** Dotted; becomes nested SDK methods. */
  operationId: string;
  method: M;
  path: P;
  scope: S;
  tag: string;
  summary: string;
  description: string;
  request: R;
  /** Names in the query that may stand more than once; see `listQuery`. */
  repeatable?: string[];
  /** The 2xx and 3xx answers. A GET is answered to HEAD too. */
  responses: A;
  /** What this route's own work can fail with; the common ones are added. */
  errors?: readonly FailureCode[];
  /** Octets of the body; POSTERN_MAX_BODY by default, `message`: POSTERN_MAX_MESSAGE. */
  maxBody?: number | "message";
};

type Requested<R extends Asked> = Pick<R, keyof R & ("params" | "query" | "headers")> &
  (R extends { body: infer B extends z.ZodType }
    ? { body: { content: { "application/json": { schema: B } }; required: true } }
    : unknown);

const octets = z.string().openapi({ format: "binary" });

/** What `app.openapi` takes, exact in its request, its answers and its caller. */
type Contract<
  P extends string,
  M extends Method,
  S extends RouteScope,
  R extends Asked,
  A extends Record<number, Answer>,
> = {
  path: P;
  method: M;
  request: Requested<R>;
  responses: A;
  middleware: MiddlewareHandler<FrontEnv & { Variables: { caller: CallerFor<S> } }>;
  getRoutingPath(): string;
};

/** Whether Accept has a say: not where nothing is answered, or a stranger's media type is. */
function negotiable(produces: string[]): boolean {
  return produces.length > 0 && !produces.some((media) => media.includes("*"));
}

function takesBody(asked: Asked): boolean {
  return asked.body !== undefined || asked.raw !== undefined;
}

/** The codes that a route can answer besides its own, by what it takes. */
function commonErrors(scope: RouteScope, asked: Asked, produces: string[]): FailureCode[] {
  return [
    "bad-request",
    "request-timeout",
    "uri-too-long",
    "validation-failed",
    "headers-too-large",
    "internal",
    ...(negotiable(produces) ? (["not-acceptable"] as const) : []),
    ...(scope === "none" ? [] : (["unauthorized", "storage-unavailable"] as const)),
    ...(scope === "none" || scope === "any" ? [] : (["scope-missing"] as const)),
    ...(asked.params === undefined ? [] : (["not-found"] as const)),
    ...(asked.body === undefined ? [] : (["invalid-json"] as const)),
    ...(takesBody(asked) ? (["body-too-large", "unsupported-media-type"] as const) : []),
    ...(asked.headers !== undefined && "Idempotency-Key" in asked.headers.shape
      ? (["idempotency-key-missing", "idempotency-key-invalid"] as const)
      : []),
    ...(asked.query !== undefined && "cursor" in asked.query.shape ? (["invalid-cursor"] as const) : []),
  ];
}

/**
 * One route: what it takes, who may call it and all that it can answer. The result goes to `app.openapi(route, handler)`;
 * the handler finds `c.req.valid("param" | "query" | "json" | "header")` and `c.var.caller`, exact in type. The key, the
 * scope, Accept, strict query and strict body are checked before the handler runs. Problems are documented by the codes
 * given and the common ones; a handler throws them as `Failure` and never builds them.
 */
export function contract<
  const P extends string,
  const M extends Method,
  const S extends RouteScope,
  const R extends Asked,
  const A extends Record<number, Answer>,
>(terms: Terms<P, M, S, R, A>): Contract<P, M, S, R, A> {
  const { operationId, method, path, scope, tag, summary, description, request, responses, maxBody } = terms;
  const asked: Asked = request;
  const produces = Object.values<Answer>(responses).flatMap(({ content = {} }) => Object.keys(content));
  const errors = [...new Set([...commonErrors(scope, asked, produces), ...(terms.errors ?? [])])].sort(
    (a, b) => failures[a].status - failures[b].status,
  );
  const route = createRoute({
    operationId,
    method,
    path,
    tags: [tag],
    summary,
    description,
    security: scope === "none" ? [] : [{ bearer: [] }],
    "x-postern-scope": scope,
    "x-postern-errors": errors,
    request: {
      ...(asked.params && { params: asked.params }),
      ...(asked.query && { query: asked.query }),
      ...(asked.headers && { headers: asked.headers }),
      ...(asked.body && { body: { content: { "application/json": { schema: asked.body } }, required: true } }),
      ...(asked.raw && { body: { content: { [asked.raw]: { schema: octets } }, required: true } }),
    },
    responses,
    middleware: guard({
      operationId,
      path,
      scope,
      queryNames: Object.keys(asked.query?.shape ?? {}),
      repeatable: terms.repeatable ?? [],
      body: asked.body === undefined ? { raw: asked.raw ?? null } : "json",
      maxBody: maxBody ?? null,
      produces: negotiable(produces) ? produces : [],
    }),
  });
  return route as unknown as Contract<P, M, S, R, A>;
}
