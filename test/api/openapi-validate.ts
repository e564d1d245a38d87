import { flat, type Named, type Schema } from "./openapi-document.ts";

export type Complaint = { pointer: string; detail: string };

export type ValidateOptions = {
  named: Named;
  /**
   * It is Postern that says it: members that a schema does not name are complained of even where it would let them pass, and times are
   * in UTC with milliseconds.
   */
  ours?: boolean;
};

/** What a schema may say: beside what is checked, and what is. */
const annotations = "description example examples default title deprecated discriminator readOnly";
const checks =
  "type enum const anyOf oneOf properties required additionalProperties items minProperties maxProperties minItems maxItems uniqueItems " +
  "minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum";
const keywords = new Set(`${annotations} ${checks}`.split(" "));

const formats: Record<string, (text: string) => boolean> = {
  "date-time": isDateTime,
  byte: (text) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text),
  binary: () => true,
  password: () => true,
  uri: (text) => URL.canParse(text),
};

/** RFC 3339 §5.6, with days that are in the calendar. */
function isDateTime(text: string): boolean {
  const parts = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-](\d\d):(\d\d))$/.exec(text);
  if (parts === null) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const days = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  const offset = Number(parts[9] ?? 0) < 24 && Number(parts[10] ?? 0) < 60;
  return month >= 1 && month <= 12 && day >= 1 && day <= days && hour < 24 && minute < 60 && second <= 60 && offset;
}

/**
 * What is wrong with a value by its schema, [] when nothing is. Throws on a keyword or a format that it does not know: else a new one
 * would be passed over in silence.
 */
export function validate(schema: Schema, value: unknown, options: ValidateOptions, pointer = ""): Complaint[] {
  const whole = flat(schema, options.named);
  const unknown = Object.keys(whole).find((keyword) => !keywords.has(keyword) && !keyword.startsWith("x-"));
  if (unknown !== undefined) throw new Error(`The validator does not know "${unknown}"; it is in openapi-validate.ts.`);
  const type = typeOf(value);
  const wrong = (detail: string): Complaint[] => [{ pointer, detail }];
  const types = whole.type === undefined ? [] : [whole.type].flat();
  if (types.length > 0 && !types.includes(type) && !(type === "integer" && types.includes("number")))
    return wrong(`is ${type} instead of ${types.join(" or ")}`);
  if ("const" in whole && !same(whole.const, value)) return wrong(`is not ${JSON.stringify(whole.const)}`);
  if (whole.enum?.some((one) => same(one, value)) === false) return wrong(`is not in the enum: ${show(value)}`);
  return [
    ...ofUnion(whole, value, options, pointer),
    ...(typeof value === "string" ? ofString(whole, value, options).flatMap(wrong) : []),
    ...(typeof value === "number" ? ofNumber(whole, value).flatMap(wrong) : []),
    ...(Array.isArray(value) ? ofArray(whole, value, options, pointer) : []),
    ...(type === "object" ? ofObject(whole, value as Record<string, unknown>, options, pointer) : []),
  ];
}

export function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const show = (value: unknown): string => (JSON.stringify(value) ?? "undefined").slice(0, 80);

function ofUnion(schema: Schema, value: unknown, options: ValidateOptions, pointer: string): Complaint[] {
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches === undefined) return [];
  const tag = schema.discriminator?.propertyName;
  const told = tag === undefined ? undefined : Reflect.get(Object(value) as object, tag);
  const target = typeof told === "string" ? schema.discriminator?.mapping?.[told] : undefined;
  if (target !== undefined) return validate({ $ref: target }, value, options, pointer);
  const tries = branches.map((branch) => validate(branch, value, options, pointer));
  const fitting = tries.filter((complaints) => complaints.length === 0).length;
  if (fitting > 1 && schema.oneOf !== undefined) return [{ pointer, detail: `fits ${fitting} branches of a oneOf` }];
  if (fitting > 0) return [];
  // Of all the branches the one that fits furthest down is meant most likely.
  const deepest = tries.toSorted((a, b) => (b[0]?.pointer.length ?? 0) - (a[0]?.pointer.length ?? 0))[0] ?? [];
  return [{ pointer, detail: `fits no branch: ${deepest.map((one) => `${one.pointer} ${one.detail}`).join(", ")}` }];
}

function ofString(schema: Schema, value: string, { ours = false }: ValidateOptions): string[] {
  const length = Array.from(value).length;
  const wrong: string[] = [];
  if (length < (schema.minLength ?? 0)) wrong.push(`is shorter than ${schema.minLength}`);
  if (length > (schema.maxLength ?? Infinity)) wrong.push(`is longer than ${schema.maxLength}`);
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value))
    wrong.push(`${show(value)} does not match ${schema.pattern}`);
  if (schema.format !== undefined) {
    const fits = formats[schema.format];
    if (fits === undefined) throw new Error(`The validator does not know the format "${schema.format}".`);
    const isOther = ours && schema.format === "date-time" && !/:\d\d\.\d{3}Z$/.test(value);
    if (!fits(value) || isOther) wrong.push(`${show(value)} is no ${schema.format}`);
  }
  return wrong;
}

function ofNumber(schema: Schema, value: number): string[] {
  const { minimum = -Infinity, maximum = Infinity } = schema;
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = schema;
  const isIn = value >= minimum && value <= maximum;
  const isInside =
    (exclusiveMinimum === -Infinity || value > exclusiveMinimum) &&
    (exclusiveMaximum === Infinity || value < exclusiveMaximum);
  return isIn && isInside ? [] : [`${value} is out of range`];
}

function ofArray(schema: Schema, value: unknown[], options: ValidateOptions, pointer: string): Complaint[] {
  const wrong: Complaint[] = [];
  const { minItems = 0, maxItems = Infinity, items } = schema;
  if (value.length < minItems || value.length > maxItems) wrong.push({ pointer, detail: `has ${value.length} items` });
  if (schema.uniqueItems === true && new Set(value.map((one) => JSON.stringify(one))).size < value.length)
    wrong.push({ pointer, detail: "has an item twice" });
  if (items !== undefined)
    for (const [n, item] of value.entries()) wrong.push(...validate(items, item, options, `${pointer}/${n}`));
  return wrong;
}

function ofObject(
  schema: Schema,
  value: Record<string, unknown>,
  options: ValidateOptions,
  pointer: string,
): Complaint[] {
  const { properties, required = [], additionalProperties: rest, minProperties = 0, maxProperties = Infinity } = schema;
  const names = Object.keys(value);
  const wrong: Complaint[] = required
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => ({ pointer: `${pointer}/${name}`, detail: "is missing" }));
  if (names.length < minProperties || names.length > maxProperties)
    wrong.push({ pointer, detail: `has ${names.length} members` });
  for (const name of names) {
    const at = `${pointer}/${name}`;
    const known = properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (known !== undefined) wrong.push(...validate(known, value[name], options, at));
    else if (typeof rest === "object") wrong.push(...validate(rest, value[name], options, at));
    else if (rest === false || (rest === undefined && options.ours === true && properties !== undefined))
      wrong.push({ pointer: at, detail: "is not in the schema" });
  }
  return wrong;
}
