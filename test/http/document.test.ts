import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describedFront } from "../../openapi/front.ts";
import { failures, type FailureCode } from "../../src/errors.ts";
import { buildDocument } from "../../src/http/document.ts";

type Json = Record<string, unknown>;
type Operation = {
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  security: unknown[];
  "x-postern-scope": string;
  requestBody?: { required?: boolean; content: Record<string, { schema: Json }> };
  responses: Json;
};
type Document = {
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json>; responses: Record<string, Json> };
};

const golden = readFileSync(join(import.meta.dirname, "../../openapi/openapi.json"), "utf8");
const document = JSON.parse(JSON.stringify(buildDocument(describedFront(), null))) as Document;

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
);

/** Every object in a value, with where it is. */
function objects(value: unknown, at = ""): { at: string; object: Json }[] {
  if (typeof value !== "object" || value === null) return [];
  const own = Array.isArray(value) ? [] : [{ at, object: value as Json }];
  return [...own, ...Object.entries(value).flatMap(([name, inner]) => objects(inner, `${at}/${name}`))];
}

const saysNull = (schema: Json) =>
  schema["type"] === "null" || (Array.isArray(schema["type"]) && schema["type"].includes("null"));

test("openapi/openapi.json is current; if not: node openapi/write.ts", () => {
  expect(JSON.parse(golden)).toEqual(document);
});

test("null is said in 3.1's way only: never `nullable`, never beside or over a named schema", () => {
  const wrong = objects(document).filter(({ object }) => {
    const parts = Array.isArray(object["allOf"]) ? (object["allOf"] as Json[]) : [];
    return "nullable" in object || (saysNull(object) && ("$ref" in object || parts.length > 0)) || parts.some(saysNull);
  });
  expect(wrong.map(({ at }) => at)).toEqual([]);
});

test("every JSON body is required and closed", () => {
  const open = operations.filter(({ requestBody }) => {
    const schema = requestBody?.content["application/json"]?.schema;
    if (schema === undefined) return false;
    const named = typeof schema["$ref"] === "string" ? schema["$ref"].split("/").at(-1) : undefined;
    const target = named === undefined ? schema : document.components.schemas[named];
    return (
      requestBody?.required !== true || (target?.["type"] === "object" && target["additionalProperties"] !== false)
    );
  });
  expect(open.map(({ name }) => name)).toEqual([]);
});

test("operationIds are dotted and unique", () => {
  const ids = operations.map(({ operationId }) => operationId);
  expect(ids.filter((id) => !/^[a-z]+(?:\.[a-zA-Z]+)+$/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});

test("every operation has words for people, a known tag, and the security of its scope", () => {
  const tags = document.tags.map(({ name }) => name);
  const wrong = operations.filter((operation) => {
    const security = operation["x-postern-scope"] === "none" ? "[]" : '[{"bearer":[]}]';
    return (
      operation.summary.length < 5 ||
      operation.description.length < 20 ||
      !tags.includes(operation.tags[0] ?? "") ||
      JSON.stringify(operation.security) !== security
    );
  });
  expect(wrong.map(({ name }) => name)).toEqual([]);
});

test("every operation tells its ways to fail", () => {
  const lacking = operations.flatMap((operation) => {
    const scope = operation["x-postern-scope"];
    const expected = ["400", "408", "414", "422", "431", "500"]
      .concat(scope === "none" ? [] : ["401", "503"])
      .concat(["none", "any"].includes(scope) ? [] : ["403"])
      .concat(operation.name.includes("{") ? ["404"] : [])
      .concat(operation.requestBody === undefined ? [] : ["413", "415"]);
    const told = Object.keys(operation.responses);
    const missing = expected.filter((status) => !told.includes(status));
    if (!told.some((status) => status.startsWith("2"))) missing.push("2xx");
    return missing.map((status) => `${operation.name}: ${status}`);
  });
  expect(lacking).toEqual([]);
  expect(objects(document).filter(({ object }) => "x-postern-errors" in object)).toEqual([]);
});

test("problems name codes of the closed list under their own status", () => {
  const wrong = Object.entries(document.components.responses).filter(([name, response]) => {
    const [status, ...codes] = name.split(".");
    const known = codes.every((code) => code in failures && String(failures[code as FailureCode].status) === status);
    return !known || !JSON.stringify(response).includes("application/problem+json");
  });
  expect(wrong.map(([name]) => name)).toEqual([]);
});
