import { readFileSync } from "node:fs";
import { join } from "node:path";

/** As much of JSON Schema 2020-12 as the document uses. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  example?: unknown;
  examples?: unknown[];
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  discriminator?: { propertyName: string; mapping?: Record<string, string> };
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  minProperties?: number;
  maxProperties?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
};

export type Named = Record<string, Schema>;

export type Parameter = { name: string; in: "path" | "query" | "header"; required?: boolean; schema: Schema };

/** What may come with a status: no media type, no body; and the names of its headers. */
export type Documented = { content: Record<string, Schema>; headers: string[] };

export type Operation = {
  operationId: string;
  /** In capitals. */
  method: string;
  /** With its parameters in braces. */
  path: string;
  /** `operator`, `any`, `none`, or what a key must be granted. */
  scope: string;
  parameters: Parameter[];
  /** Null: it takes none. */
  body: { media: string; schema: Schema } | null;
  responses: Record<string, Documented>;
};

export type ApiDocument = { operations: Operation[]; named: Named };

type Content = { content?: Record<string, { schema?: Schema }>; headers?: Record<string, unknown> };

type Raw = {
  paths: Record<
    string,
    Record<
      string,
      {
        operationId: string;
        "x-postern-scope": string;
        parameters?: Parameter[];
        requestBody?: Content;
        responses: Record<string, Content & { $ref?: string }>;
      }
    >
  >;
  components: { schemas: Named; responses: Record<string, Content> };
};

const lastOf = (reference: string): string => reference.split("/").at(-1) ?? "";

const contentOf = ({ content = {} }: Content): Record<string, Schema> =>
  Object.fromEntries(Object.entries(content).map(([media, { schema = {} }]) => [media, schema]));

/** The committed document, its operations in its own order. */
export function readDocument(): ApiDocument {
  const file = join(import.meta.dirname, "../../openapi/openapi.json");
  const { paths, components } = JSON.parse(readFileSync(file, "utf8")) as Raw;
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): Operation => {
      const [body] = Object.entries(contentOf(operation.requestBody ?? {}));
      const responses = Object.entries(operation.responses).map(([status, one]): [string, Documented] => {
        const given = one.$ref === undefined ? one : (components.responses[lastOf(one.$ref)] ?? {});
        return [status, { content: contentOf(given), headers: Object.keys(given.headers ?? {}) }];
      });
      return {
        operationId: operation.operationId,
        method: method.toUpperCase(),
        path,
        scope: operation["x-postern-scope"],
        parameters: operation.parameters ?? [],
        body: body === undefined ? null : { media: body[0], schema: body[1] },
        responses: Object.fromEntries(responses),
      };
    }),
  );
  return { operations, named: components.schemas };
}

/** The schema in one piece: what it refers to and all of its `allOf` beside its own words; `anyOf` and `oneOf` stay. */
export function flat(schema: Schema, named: Named): Schema {
  if (schema.$ref === undefined && schema.allOf === undefined) return schema;
  const { $ref, allOf = [], ...own } = schema;
  const target = $ref === undefined ? undefined : named[lastOf($ref)];
  if ($ref !== undefined && target === undefined) throw new Error(`The document lacks ${$ref}`);
  const parts = target === undefined ? allOf : [target, ...allOf];
  return parts.map((part) => flat(part, named)).reduce(both, own);
}

function both(one: Schema, other: Schema): Schema {
  if (one.anyOf ?? one.oneOf) {
    if (other.anyOf ?? other.oneOf) throw new Error("Two unions in one schema can't be told apart here.");
  }
  const properties: Named = { ...one.properties };
  for (const [name, schema] of Object.entries(other.properties ?? {})) {
    const there = properties[name];
    properties[name] = there === undefined ? schema : { allOf: [there, schema] };
  }
  const allowed = one.enum && other.enum ? one.enum.filter((value) => other.enum?.includes(value)) : undefined;
  return {
    ...other,
    ...one,
    ...((one.properties ?? other.properties) && { properties }),
    ...((one.required ?? other.required) && {
      required: [...new Set([...(one.required ?? []), ...(other.required ?? [])])],
    }),
    ...(allowed && { enum: allowed }),
  };
}

/** The operation that a path leads to: one that names it literally goes before one with a parameter in its place. */
export function findOperation(operations: Operation[], method: string, pathname: string): Operation | undefined {
  return operationsAt(operations, pathname).find((one) => one.method === method);
}

/** All operations whose path fits, those with fewer parameters first. */
export function operationsAt(operations: Operation[], pathname: string): Operation[] {
  const parameters = ({ path }: Operation): number => path.split("{").length;
  return operations
    .filter(({ path }) =>
      new RegExp(`^${path.replaceAll(".", String.raw`\.`).replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(pathname),
    )
    .sort((a, b) => parameters(a) - parameters(b));
}
