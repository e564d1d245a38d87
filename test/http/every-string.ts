import type { Schema } from "./sample.ts";

type Named = Record<string, Schema & { additionalProperties?: Schema | boolean }>;

/** Values with all members that a schema has: as many as its widest union has branches. */
export function everyMember(schema: Schema, named: Named): unknown[] {
  const width = widest(schema, named);
  return Array.from({ length: width }, (_, n) => whole(schema, named, n));
}

function widest(schema: Schema, named: Named): number {
  const own = schema.anyOf ?? schema.oneOf ?? [];
  const below = [
    ...own,
    ...Object.values(schema.properties ?? {}),
    ...(schema.items ? [schema.items] : []),
    ...(schema.allOf ?? []),
  ];
  const target = schema.$ref === undefined ? [] : [named[schema.$ref.split("/").at(-1) ?? ""] ?? {}];
  return Math.max(1, own.length, ...[...below, ...target].map((one) => widest(one, named)));
}

function whole(schema: Schema & { additionalProperties?: Schema | boolean }, named: Named, nth: number): unknown {
  if (schema.$ref !== undefined) return whole(named[schema.$ref.split("/").at(-1) ?? ""] ?? {}, named, nth);
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map((one) => whole(one, named, nth)));
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return whole(branches[nth % branches.length] ?? {}, named, nth);
  if (schema.properties !== undefined) {
    const members = Object.entries(schema.properties).map(([name, one]) => [name, whole(one, named, nth)]);
    return Object.fromEntries(members) as unknown;
  }
  if (typeof schema.additionalProperties === "object") return { a: whole(schema.additionalProperties, named, nth) };
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "array") return [whole(schema.items ?? {}, named, nth)];
  if (schema.example !== undefined) return schema.example;
  if (type === "integer" || type === "number") return schema.minimum ?? 1;
  if (type === "boolean") return true;
  return schema.enum?.[0] ?? schema.const ?? "x";
}

/** RFC 6901 pointers to all strings of a value. */
export function stringsIn(value: unknown, at = ""): string[] {
  if (typeof value === "string") return [at];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => stringsIn(member, `${at}/${name}`));
}

/** The value with another string at the pointer. */
export function withString(value: unknown, at: string, text: string): unknown {
  const [name, ...rest] = at.split("/").slice(1);
  if (name === undefined) return text;
  const inner = withString(Reflect.get(Object(value) as object, name), rest.map((part) => `/${part}`).join(""), text);
  return Array.isArray(value)
    ? value.map((one, n) => (String(n) === name ? inner : one))
    : { ...Object(value), [name]: inner };
}
