import { expect, test } from "vitest";
import { flat, type Named, readDocument, type Schema } from "./openapi-document.ts";
import { generate } from "./openapi-generate.ts";
import { seeded } from "./openapi-random.ts";
import { validate } from "./openapi-validate.ts";

const { operations, named } = readDocument();

const wrongs = (schema: Schema, value: unknown, ours = false, others: Named = {}): string[] =>
  validate(schema, value, { named: others, ours }).map(({ pointer, detail }) => `${pointer} ${detail}`);

const animal: Named = {
  Cat: {
    type: "object",
    properties: { kind: { enum: ["cat"] }, lives: { type: "integer" } },
    required: ["kind", "lives"],
  },
  Dog: {
    type: "object",
    properties: { kind: { enum: ["dog"] }, name: { type: "string" } },
    required: ["kind", "name"],
  },
};

test.each<[Schema, good: unknown, bad: unknown, wrong: string]>([
  [{ type: "integer" }, 1, 1.5, " is number instead of integer"],
  [{ type: ["string", "null"] }, null, 1, " is integer instead of string or null"],
  [{ type: "number", maximum: 2 }, 1.5, 3, " 3 is out of range"],
  [{ type: "string", minLength: 2 }, "ab", "a", " is shorter than 2"],
  [{ type: "string", maxLength: 1 }, "🦊", "ab", " is longer than 1"],
  [{ type: "string", pattern: "^a" }, "ab", "b", ' "b" does not match ^a'],
  [{ type: "string", format: "date-time" }, "2026-02-28T00:00:00+01:00", "2026-02-29T00:00:00Z", " is no date-time"],
  [{ type: "string", format: "byte" }, "aGk=", "aGk", ' "aGk" is no byte'],
  [{ enum: ["a"] }, "a", "b", ' is not in the enum: "b"'],
  [{ const: 404 }, 404, 405, " is not 404"],
  [{ type: "array", items: { type: "string" }, maxItems: 1 }, ["a"], ["a", 1], "/1 is integer instead of string"],
  [{ type: "object", properties: { a: {} }, required: ["a"] }, { a: 1 }, {}, "/a is missing"],
  [{ type: "object", additionalProperties: false }, {}, { a: 1 }, "/a is not in the schema"],
  [
    { type: "object", additionalProperties: { type: "string" } },
    { a: "" },
    { a: 1 },
    "/a is integer instead of string",
  ],
  [{ anyOf: [{ type: "string" }, { type: "null" }] }, null, 1, " fits no branch"],
  [
    { allOf: [{ $ref: "#/Cat" }, { properties: { lives: { maximum: 9 } } }] },
    { kind: "cat", lives: 9 },
    { kind: "cat", lives: 10 },
    "/lives 10 is out of range",
  ],
  [
    {
      oneOf: [{ $ref: "#/Cat" }, { $ref: "#/Dog" }],
      discriminator: { propertyName: "kind", mapping: { dog: "#/Dog" } },
    },
    { kind: "dog", name: "" },
    { kind: "dog" },
    "/name is missing",
  ],
])("%j: %j passes, and %j does not", (schema, good, bad, wrong) => {
  expect(wrongs(schema, good, false, animal)).toEqual([]);
  expect(wrongs(schema, bad, false, animal).join("\n")).toContain(wrong);
});

test("what Postern says has no member that is not described, and its times are in UTC", () => {
  const schema: Schema = { type: "object", properties: { at: { type: "string", format: "date-time" } } };
  const said = { at: "2026-11-23T10:00:00Z", more: 1 };
  expect(wrongs(schema, said)).toEqual([]);
  expect(wrongs(schema, said, true)).toHaveLength(2);
  expect(wrongs(schema, { at: "2026-11-23T10:00:00.000Z" }, true)).toEqual([]);
});

test("a keyword that is not checked is not passed over", () => {
  expect(() => wrongs({ type: "string", contentEncoding: "base64" } as Schema, "")).toThrow("contentEncoding");
  expect(() => wrongs({ type: "string", format: "ipv6" }, "")).toThrow("ipv6");
});

/** Every schema in the document with where it stands; those that have a name once. */
function schemas(): [where: string, schema: Schema][] {
  const below = (where: string, schema: Schema): [string, Schema][] => [
    [where, schema],
    ...Object.entries(schema.properties ?? {}).flatMap(([name, one]) => below(`${where}/${name}`, one)),
    ...[schema.items ?? []].flat().flatMap((one) => below(`${where}/items`, one)),
    ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])].flatMap((one, n) =>
      below(`${where}/${n}`, one),
    ),
  ];
  const parameters = operations.flatMap(({ operationId, parameters }) =>
    parameters.flatMap(({ name, schema }) => below(`${operationId} ${name}`, schema)),
  );
  return [...Object.entries(named).flatMap(([name, schema]) => below(name, schema)), ...parameters];
}

test("every example in the document is what its schema allows", () => {
  const wrong = schemas().flatMap(([where, schema]) => {
    const given = [...(schema.example === undefined ? [] : [schema.example]), ...(schema.examples ?? [])];
    return given.flatMap((example) =>
      validate(schema, example, { named }).map((one) => `${where}: ${one.pointer} ${one.detail}`),
    );
  });
  expect(wrong).toEqual([]);
});

test("what is made for a schema passes by it", () => {
  const bodies = operations.flatMap(({ body, parameters }) => [
    ...(body === null ? [] : [body.schema]),
    ...parameters.map(({ schema }) => schema),
  ]);
  for (const [n, schema] of bodies.entries()) {
    const make = (turn: number): unknown =>
      generate(schema, { named, random: seeded(`${n}/${turn}`), suggest: () => ["inbox", 5, null, { a: 1 }] });
    for (let turn = 0; turn < 40; turn += 1) expect(wrongs(flat(schema, named), make(turn), false, named)).toEqual([]);
  }
});

test("the same seed makes the same", () => {
  const schema: Schema = { type: "array", items: { type: "string" }, minItems: 9 };
  const make = (seed: string) => generate(schema, { named, random: seeded(seed), suggest: () => [] });
  // Times, which are about now, may be among it.
  const [one, same, other] = ["one", "one", "other"].map((seed) =>
    JSON.stringify(make(seed)).replaceAll(/\d{4}-[-\d:.TZ+]+/g, ""),
  );
  expect(one).toBe(same);
  expect(one).not.toBe(other);
});

test("a schema that holds itself is made to an end", () => {
  const tree: Named = {
    Tree: {
      anyOf: [
        {
          type: "object",
          properties: { and: { type: "array", items: { $ref: "#/Tree" }, minItems: 2 } },
          required: ["and"],
        },
        { type: "object", properties: { from: { type: "string" } }, required: ["from"], additionalProperties: false },
      ],
    },
  };
  for (let turn = 0; turn < 50; turn += 1) {
    const made = generate({ $ref: "#/Tree" }, { named: tree, random: seeded(`${turn}`), suggest: () => [] });
    expect(wrongs({ $ref: "#/Tree" }, made, false, tree)).toEqual([]);
  }
});
