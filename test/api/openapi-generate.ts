import { flat, type Named, type Schema } from "./openapi-document.ts";
import type { Random } from "./openapi-random.ts";
import { validate } from "./openapi-validate.ts";

export type GenerateOptions = {
  named: Named;
  random: Random;
  /** Values that mean something for a member of this name; those that its schema refuses are passed over. */
  suggest: (name: string, schema: Schema) => unknown[];
};

const words = [
  "invoice",
  "Größe",
  "naïve café",
  "Re: offer",
  "x",
  "0",
  "a.b",
  "two words",
  '"quoted"',
  "100 %",
  "山田 太郎",
  "🦊",
  "it's <b>bold</b> & more",
  "back\\slash",
  "شكرا",
  "e\u0301",
  "a@b.test",
];

/** From here down only what must be there. */
const deep = 5;

/** A value that the schema allows. `name` is that of the member or the parameter it is for. */
export function generate(schema: Schema, options: GenerateOptions, name = "", depth = 0): unknown {
  const { named, random, suggest } = options;
  const whole = flat(schema, named);
  const fits = (value: unknown): boolean => validate(whole, value, { named }).length === 0;
  const meaning = suggest(name, whole);
  if (meaning.length > 0 && random.chance(0.85)) {
    const fitting = meaning.filter(fits);
    if (fitting.length > 0) return random.pick(fitting);
  }
  const given = [whole.example, ...(whole.examples ?? []), whole.default].filter((one) => one !== undefined);
  if (given.length > 0 && random.chance(0.2)) return random.pick(given);
  if (whole.const !== undefined) return whole.const;
  if (whole.enum !== undefined) return random.pick(whole.enum);
  const branches = whole.anyOf ?? whole.oneOf;
  if (branches !== undefined) {
    const low = Math.min(...branches.map((branch) => height(branch, named)));
    const usable = depth < deep ? branches : branches.filter((branch) => height(branch, named) === low);
    const inner = generate(random.pick(usable), options, name, depth + 1);
    if (whole.properties === undefined) return inner;
    return { ...(ofObject(whole, options, depth) as object), ...(inner as object) };
  }
  const type = random.pick([whole.type ?? (whole.properties ? "object" : "string")].flat());
  if (type === "object") return ofObject(whole, options, depth);
  if (type === "array") return ofArray(whole, options, name, depth);
  if (type === "integer" || type === "number") return ofNumber(whole, random);
  if (type === "boolean") return random.chance(0.5);
  if (type === "null") return null;
  return ofString(whole, options, given, fits);
}

/** How many floors a value has at least; one that holds itself has endlessly many where it can't do without. */
function height(schema: Schema, named: Named, above: Schema[] = []): number {
  const whole = flat(schema, named);
  const identity = schema.$ref === undefined ? schema : (named[schema.$ref.split("/").at(-1) ?? ""] ?? schema);
  if (above.includes(identity)) return Infinity;
  const within = (one: Schema): number => height(one, named, [...above, identity]);
  const branches = whole.anyOf ?? whole.oneOf;
  if (branches !== undefined) return Math.min(...branches.map(within));
  const needed = (whole.required ?? []).flatMap((name) => whole.properties?.[name] ?? []);
  const items = (whole.minItems ?? 0) > 0 && whole.items !== undefined ? [whole.items] : [];
  return 1 + Math.max(0, ...[...needed, ...items].map(within));
}

function ofObject(schema: Schema, options: GenerateOptions, depth: number): unknown {
  const { random } = options;
  const { properties = {}, required = [], additionalProperties: rest, minProperties = 0, maxProperties = 3 } = schema;
  const share = random.pick([0.1, 0.3, 0.7]);
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  const chosen = optional.filter(() => depth < deep && random.chance(share));
  // Where all may be left out, one member at least: an empty change says nothing.
  const none = required.length === 0 && chosen.length === 0 && optional.length > 0;
  const names = [...required, ...chosen, ...(none ? [random.pick(optional)] : [])];
  const value = Object.fromEntries(
    names.map((name) => [name, generate(properties[name] ?? {}, options, name, depth + 1)]),
  );
  if (typeof rest === "object") {
    const count = Math.min(maxProperties, Math.max(minProperties, random.below(3)));
    for (let n = 0; n < count; n += 1) value[`X-Name-${n}`] = generate(rest, options, "", depth + 1);
  }
  return value;
}

function ofArray(schema: Schema, options: GenerateOptions, name: string, depth: number): unknown {
  const { minItems = 0, maxItems = Infinity, items = {} } = schema;
  const wanted = depth < deep ? options.random.pick([0, 1, 1, 2, 5]) : 0;
  const length = Math.min(maxItems, Math.max(minItems, wanted));
  return Array.from({ length }, () => generate(items, options, name, depth + 1));
}

function ofNumber(schema: Schema, random: Random): number {
  const low = schema.minimum ?? (schema.exclusiveMinimum === undefined ? 0 : schema.exclusiveMinimum + 1);
  const high = schema.maximum ?? (schema.exclusiveMaximum === undefined ? low + 1000 : schema.exclusiveMaximum - 1);
  return random.pick([low, high, low + random.below(high - low + 1), Math.min(high, low + random.below(10))]);
}

function ofString(
  schema: Schema,
  { random }: GenerateOptions,
  given: unknown[],
  fits: (value: unknown) => boolean,
): unknown {
  const { minLength = 0, maxLength = 60 } = schema;
  const made = [
    dateTime(random),
    randomId(schema.pattern ?? "", random),
    btoa(`${random.next()}`),
    "two",
    "a@b.test",
    "",
  ];
  const texts = Array.from({ length: 6 }, () =>
    Array.from({ length: 1 + random.below(3) }, () => random.pick(words)).join(" "),
  );
  const lengths = [minLength, Math.min(maxLength, 5000)].map((length) => "y".repeat(length));
  const specific = schema.format !== undefined || schema.pattern !== undefined;
  const fitting = [...(specific ? [] : texts), ...made, ...lengths, ...(specific ? texts : [])].filter(fits);
  if (fitting.length > 0) return specific ? random.pick(fitting.slice(0, 3)) : random.pick(fitting);
  if (given.length > 0) return random.pick(given);
  throw new Error(`There is no string for ${JSON.stringify(schema)}: give it an example.`);
}

/** An id that is well-formed and of nothing. */
function randomId(pattern: string, random: Random): string {
  const prefix = /^\^([a-z]{3}_)/.exec(pattern)?.[1] ?? "";
  const length = prefix === "msg_" ? 40 : 26;
  const alphabet = "0123456789abcdefghijklmnopqrstuv";
  const tail = Array.from({ length }, () => alphabet[random.below(32)]).join("");
  return prefix === "att_" ? `att_${1 + random.below(4)}` : prefix + tail;
}

/** Around now, now and then far off. */
function dateTime(random: Random): string {
  const days = random.pick([-400, -30, -1, 0, 0.0001, 1, 30, 400]);
  const text = new Date(Date.now() + days * 86_400_000).toISOString();
  return random.pick([
    text,
    text.replace(/\.\d+Z/, "Z"),
    text.replace(/\.\d+Z/, "+05:30"),
    "2026-02-28T23:59:59.5-11:00",
  ]);
}
