/** As much of JSON Schema as the OpenAPI document uses. */
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
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  minItems?: number;
  minLength?: number;
  minimum?: number;
};

/** The smallest value that a schema asks for, from its examples where it has some. */
export function sample(schema: Schema, named: Record<string, Schema>): unknown {
  if (schema.$ref !== undefined) {
    const target = named[schema.$ref.split("/").at(-1) ?? ""];
    if (target === undefined) throw new Error(`The document lacks ${schema.$ref}`);
    return sample(target, named);
  }
  if (schema.example !== undefined) return schema.example;
  for (const given of [schema.examples?.[0], schema.default, schema.const, schema.enum?.[0]]) {
    if (given !== undefined) return given;
  }
  const first = schema.anyOf?.[0] ?? schema.oneOf?.[0];
  if (first !== undefined) return sample(first, named);
  if (schema.allOf !== undefined) {
    return Object.assign({}, ...schema.allOf.map((part) => sample(part, named)));
  }
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object" || schema.properties !== undefined) {
    // Where nothing is required (a change), one member: an empty change is refused.
    const names = schema.required ?? Object.keys(schema.properties ?? {}).slice(0, 1);
    return Object.fromEntries(names.map((name) => [name, sample(schema.properties?.[name] ?? {}, named)]));
  }
  if (type === "array") return Array.from({ length: schema.minItems ?? 0 }, () => sample(schema.items ?? {}, named));
  if (type === "integer" || type === "number") return schema.minimum ?? 1;
  if (type === "boolean") return true;
  return "x".repeat(Math.max(1, schema.minLength ?? 1));
}
