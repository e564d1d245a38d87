import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { describedFront } from "../../openapi/front.ts";
import { failures, type FailureCode } from "../../src/errors.ts";
import { buildDocument } from "../../src/http/document.ts";

type Json = Record<string, unknown>;

const golden = join(import.meta.dirname, "../../openapi/openapi.json");
let document: Json;

beforeAll(() => {
  document = buildDocument(describedFront(), null);
});

/** Every object in the document, with where it is. */
function* objects(value: unknown, at = ""): Generator<[string, Json]> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield [at, value as Json];
  for (const [name, inner] of Object.entries(value)) yield* objects(inner, `${at}/${name}`);
}

function operations(): [string, Json][] {
  return Object.entries(document["paths"] as Record<string, Record<string, Json>>).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, Json] => [`${method} ${path}`, operation]),
  );
}

test("openapi/openapi.json is current; if not: node openapi/write.ts", () => {
  expect(JSON.parse(readFileSync(golden, "utf8"))).toEqual(JSON.parse(JSON.stringify(document)));
});

test("null is said in 3.1's way only", () => {
  for (const [at, schema] of objects(document)) {
    expect(schema).not.toHaveProperty("nullable");
    const type = schema["type"];
    const parts = schema["allOf"];
    // `allOf` of a named schema and "or null" allows no null at all.
    if (Array.isArray(parts) && at.includes("schema")) {
      const nulls = parts.filter((part: Json) => Array.isArray(part["type"]) && part["type"].includes("null"));
      expect(nulls).toEqual([]);
    }
    if (Array.isArray(type) && type.includes("null")) expect(schema).not.toHaveProperty("$ref");
  }
});

test("every input object is closed", () => {
  for (const [name, operation] of operations()) {
    const body = operation["requestBody"] as { content: Record<string, { schema: Json }> } | undefined;
    const schema = body?.content["application/json"]?.schema;
    if (schema === undefined) continue;
    const named = (typeof schema["$ref"] === "string" ? schema["$ref"] : "").split("/").at(-1) ?? "";
    const target = named === "" ? schema : (document["components"] as { schemas: Record<string, Json> }).schemas[named];
    expect(target).toBeDefined();
    if (target?.["type"] === "object") expect(target["additionalProperties"]).toBe(false);
  }
});

describe("each operation", () => {
  test("has a dotted name of its own, words for people, a tag and a scope", () => {
    const ids = operations().map(([, operation]) => String(operation["operationId"]));
    expect(new Set(ids).size).toBe(ids.length);
    const tags = (document["tags"] as { name: string }[]).map(({ name }) => name);
    for (const [name, operation] of operations()) {
      expect(operation["operationId"]).toMatch(/^[a-z]+(?:\.[a-zA-Z]+)+$/);
      expect(String(operation["summary"]).length).toBeGreaterThan(5);
      expect(String(operation["description"]).length).toBeGreaterThan(20);
      expect(tags).toContain((operation["tags"] as string[])[0]);
      expect(operation).toHaveProperty("x-postern-scope");
      expect(operation["security"]).toEqual(operation["x-postern-scope"] === "none" ? [] : [{ bearer: [] }]);
    }
  });

  test("tells every way to fail by status and code, from the closed list", () => {
    const { responses } = document["components"] as { responses: Record<string, Json> };
    for (const [name, component] of Object.entries(responses)) {
      const [status, ...codes] = name.split(".");
      for (const code of codes) {
        expect(Object.keys(failures)).toContain(code);
        expect(String(failures[code as FailureCode].status)).toBe(status);
      }
      expect(component["content"]).toHaveProperty("application/problem+json");
    }
    for (const [name, operation] of operations()) {
      const statuses = Object.keys(operation["responses"] as Json);
      const expected = ["400", "408", "414", "422", "431", "500"];
      if (operation["x-postern-scope"] !== "none") expected.push("401", "503");
      if (!["none", "any"].includes(String(operation["x-postern-scope"]))) expected.push("403");
      if (name.includes("{")) expected.push("404");
      if (operation["requestBody"] !== undefined) expected.push("413", "415");
      expect(statuses).toEqual(expect.arrayContaining(expected));
      expect(
        statuses.some((status) => status.startsWith("2")),
        name,
      ).toBe(true);
      expect(operation).not.toHaveProperty("x-postern-errors");
    }
  });
});
