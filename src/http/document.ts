import { failures, type FailureCode } from "../errors.ts";
import type { Front } from "./env.ts";
import { introduction, tags } from "./introduction.ts";
import { problemSchema } from "./problem-schema.ts";

type Json = Record<string, unknown>;

/** With 3.1's `summary` and the license by its SPDX identifier, which the generator's types do not know yet. */
const info = {
  title: "Postern",
  version: "1.0.0",
  summary: "Any mailbox as an HTTP resource.",
  description: introduction,
  license: { name: "MIT", identifier: "MIT" },
};

const methods = ["get", "post", "put", "patch", "delete"];

/**
 * The OpenAPI 3.1 document of all routes that stand on `app`. Needs no running server. `publicUrl` null: relative to
 * where the document is.
 */
export function buildDocument(app: Front, publicUrl: string | null): Json {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info,
    servers: [{ url: publicUrl ?? "/" }],
    tags,
  }) as unknown as Json & { paths: Record<string, Record<string, Json>>; components?: Record<string, Json> };
  const { openapi, servers, paths, webhooks, components } = document;
  const responses: Json = {};
  for (const item of Object.values(paths)) {
    for (const method of methods) if (item[method] !== undefined) documentProblems(item[method], responses);
  }
  return {
    openapi,
    info,
    servers,
    tags,
    paths,
    webhooks,
    components: {
      schemas: { ...components?.["schemas"], Problem: problemSchema },
      responses: Object.fromEntries(Object.entries(responses).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API key: `Authorization: Bearer pst_…`" },
      },
    },
  };
}

/** Turns an operation's list of codes into one response per status; equal ones are shared as components. */
function documentProblems(operation: Json, shared: Json): void {
  const codes = operation["x-postern-errors"] as FailureCode[];
  delete operation["x-postern-errors"];
  const byStatus = new Map<number, FailureCode[]>();
  for (const code of codes) {
    const { status } = failures[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const responses = { ...(operation["responses"] as Json) };
  for (const [status, all] of byStatus) {
    const sorted = all.sort();
    const name = `${status}.${sorted.join(".")}`;
    shared[name] ??= problemResponse(status, sorted);
    responses[status] = { $ref: `#/components/responses/${name}` };
  }
  operation["responses"] = responses;
}

function problemResponse(status: number, codes: FailureCode[]): Json {
  const headers: Json = { "X-Request-Id": { description: "The request's id.", schema: { type: "string" } } };
  if (status === 401) headers["WWW-Authenticate"] = { description: "Bearer.", schema: { type: "string" } };
  if (codes.some((code) => failures[code].retryable)) {
    headers["Retry-After"] = { description: "Seconds, where we know.", schema: { type: "integer" } };
  }
  return {
    description: codes.map((code) => `\`${code}\`: ${failures[code].title}.`).join(" "),
    headers,
    content: {
      "application/problem+json": {
        schema: {
          allOf: [
            { $ref: "#/components/schemas/Problem" },
            { type: "object", properties: { status: { const: status }, code: { enum: codes } } },
          ],
        },
      },
    },
  };
}
