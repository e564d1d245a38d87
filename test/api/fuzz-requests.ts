import type { Asked } from "./fuzz-answer.ts";
import type { Sent } from "./fuzz-client.ts";
import type { Things } from "./fuzz-things.ts";
import { type ApiDocument, findOperation, type Operation, type Parameter, type Schema } from "./openapi-document.ts";
import { generate } from "./openapi-generate.ts";
import type { Random } from "./openapi-random.ts";
import { validate } from "./openapi-validate.ts";

export type Made = Asked & {
  sent: Sent;
  /** The values of the path parameters. */
  parameters: Record<string, string>;
  /** What is odd about it, in words. */
  how: string;
};

export type RequestNeeds = {
  document: ApiDocument;
  things: Things;
  /** Values that mean something on this stage, for members and parameters of a name; `around` are the path's parameters. */
  words: (name: string, operation: Operation, around: Record<string, string>, random: Random) => unknown[];
  /** Bodies that are good on this stage, by operationId; the document's examples name other servers. */
  bodies: Record<string, (random: Random, around: Record<string, string>) => object>;
  /** What a path's parameters name: something that may be lost where the operation may break it, and new then for a `plain` request. Null: there is none. */
  chain: (operation: Operation, random: Random, plain: boolean) => Promise<Record<string, string> | null>;
  keyFor: (operation: Operation) => string | null;
  /** That have been told, the newest last. */
  etags: string[];
  /** Of somebody who must not get in, or not that far. */
  otherKeys: string[];
};

/** A request in the making. */
export type Plan = {
  operation: Operation;
  method: string;
  path: string;
  parameters: Record<string, string>;
  query: [name: string, value: unknown][];
  headers: [name: string, value: string][];
  /** Not yet JSON where it is to be that; undefined: none. */
  body: unknown;
  how: string[];
};

/** The simplest request that the document allows: what must be there, by example. */
export function plain(needs: RequestNeeds, operation: Operation, random: Random): Promise<Made> {
  return valid(needs, operation, random, true);
}

/** One that its schemas allow, with as much as they allow. */
export async function valid(needs: RequestNeeds, operation: Operation, random: Random, plain = false): Promise<Made> {
  const plan = await planned(needs, operation, random, plain);
  if (!plain && operation.method === "GET" && random.chance(0.08)) plan.method = "HEAD";
  if (!plain) plan.headers.push(...conditions(needs, operation, random));
  const made = finished(needs, plan, bodyOf(plan), null, false);
  return { ...made, sent: { ...made.sent, chunked: !plain && random.chance(0.2) } };
}

/** What makes 206, 304, 412 and 416 of an answer, where they are documented. */
function conditions({ etags }: RequestNeeds, { responses }: Operation, random: Random): Plan["headers"] {
  const made: Plan["headers"] = [];
  const etag = random.pick([...etags, '"another"', "*"].slice(-5));
  const asks = (status: number): boolean => responses[status] !== undefined && random.chance(0.2);
  if (asks(206))
    made.push(["Range", random.pick(["bytes=0-9", "bytes=5-", "bytes=-7", "bytes=9999999-", "bytes=1-1"])]);
  if (asks(304)) made.push(["If-None-Match", etag]);
  if (asks(412)) made.push(["If-Match", etag]);
  if (asks(206)) made.push(["If-Range", etag]);
  return made;
}

export async function planned(
  needs: RequestNeeds,
  operation: Operation,
  random: Random,
  plain: boolean,
): Promise<Plan> {
  const found = await needs.chain(operation, random, plain);
  const parameters = found ?? {};
  const mixed = found === null || (!plain && random.chance(0.08));
  const { named } = needs.document;
  const suggest = (name: string, schema: Schema): unknown[] => [
    ...idsFor(needs.things, schema, parameters),
    ...needs.words(name, operation, parameters, random),
  ];
  const options = { named, random, suggest };
  const share = plain ? 0 : random.pick([0.05, 0.15, 0.5]);
  const wanted = (one: Parameter): boolean => one.required === true || random.chance(share);
  const made = (place: string): [string, unknown][] =>
    operation.parameters
      .filter((one) => one.in === place && wanted(one))
      .map((one) => [one.name, generate(one.schema, options, one.name)]);
  if (mixed) {
    // Where something may be lost, ids that exist are the chain's to choose.
    const known = operation.method === "GET" ? options : { ...options, suggest: () => [] };
    for (const one of operation.parameters.filter((one) => one.in === "path"))
      parameters[one.name] = String(generate(one.schema, known, one.name));
  }
  const key = needs.keyFor(operation);
  const headers = made("header").map(([name, value]): [string, string] => [name, octets(String(value))]);
  if (key !== null) headers.push(["Authorization", `Bearer ${key}`]);
  if (operation.body !== null) {
    const { media } = operation.body;
    headers.push(["Content-Type", media === "*/*" ? "application/octet-stream" : media]);
  }
  return {
    operation,
    method: operation.method,
    path: filled(operation.path, parameters),
    parameters,
    query: made("query"),
    headers,
    body: bodyFor(needs, operation, options, parameters, plain),
    how: [mixed ? "with ids that need not belong together" : "valid"],
  };
}

function bodyFor(
  { bodies, words }: RequestNeeds,
  operation: Operation,
  options: Parameters<typeof generate>[1],
  around: Record<string, string>,
  plain: boolean,
): unknown {
  const { body, operationId } = operation;
  const { random, named } = options;
  if (body === null) return undefined;
  if (body.media !== "application/json") {
    const given = words(body.media, operation, around, random);
    return plain ? given[0] : random.pick(given);
  }
  const base = bodies[operationId]?.(random, around);
  if (base !== undefined && (plain || random.chance(0.6))) {
    const more = plain ? [] : Object.entries(Object(generate(body.schema, options)) as object);
    const some = more.filter(() => random.chance(0.4));
    const whole = { ...Object.fromEntries(some), ...base };
    return validate(body.schema, whole, { named }).length === 0 ? whole : base;
  }
  const example = body.schema.example ?? named[body.schema.$ref?.split("/").at(-1) ?? ""]?.example;
  if (plain && example !== undefined && Object.keys(Object(example) as object).length > 0) return example;
  return generate(body.schema, options);
}

/** Ids that exist, where a schema asks for one; rather those of the account that the path is about. */
function idsFor(things: Things, schema: Schema, around: Record<string, string>): string[] {
  const prefix = /^\^?([a-z]{3})_/.exec(
    schema.pattern ?? (typeof schema.example === "string" ? schema.example : ""),
  )?.[1];
  if (prefix === undefined) return [];
  const all = things.withPrefix(prefix);
  const near = all.filter(({ within }) => Object.entries(around).every(([name, id]) => (within[name] ?? id) === id));
  return (near.length > 0 ? near : all).map(({ id }) => id);
}

/** Text as a header can carry it: its UTF-8, without what ends a line. */
const octets = (text: string): string =>
  Buffer.from(text)
    .toString("latin1")
    .replaceAll(/[^\t\x20-\xff]|\x7f/g, "");

export const filled = (path: string, parameters: Record<string, string>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ""));

export const bodyOf = ({ body }: Plan): Buffer | null => {
  if (body === undefined) return null;
  return Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
};

/** As it goes onto the wire. `refuse` says what must be answered with 4xx, beside what the schemas refuse. */
export function finished(
  { document }: RequestNeeds,
  plan: Plan,
  body: Buffer | null,
  refuse: string | null,
  bent: boolean,
  rawQuery = "",
): Made {
  const pairs = plan.query.flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, String(one)]),
  );
  const query = [...(pairs.length > 0 ? [new URLSearchParams(pairs).toString()] : []), rawQuery]
    .filter(Boolean)
    .join("&");
  const target = query === "" ? plan.path : `${plan.path}?${query}`;
  const { method, operation } = plan;
  const leads = bent || method !== operation.method ? leadsTo(document, method, plan.path) : operation;
  const bad = badQuery(document, operation, query);
  return {
    operation: leads,
    method,
    refuse: refuse ?? (bad === null || leads === null ? null : `the query ${bad}`),
    bent,
    sent: { method, target, headers: plan.headers, body },
    parameters: plan.parameters,
    how: plan.how.join(", "),
  };
}

/** The operation that a bent path means by the rules of URLs. */
export function leadsTo({ operations }: ApiDocument, method: string, path: string): Operation | null {
  const { pathname } = new URL(path, "http://postern.test");
  let decoded = pathname;
  try {
    decoded = decodeURI(pathname);
  } catch {
    // It must be refused, which needs no operation.
  }
  const found = [pathname, decoded].map((one) => findOperation(operations, method === "HEAD" ? "GET" : method, one));
  return found[0] ?? found[1] ?? null;
}

/** What of a query its schemas refuse; null: nothing. */
function badQuery({ named }: ApiDocument, { parameters }: Operation, query: string): string | null {
  const known = parameters.filter((one) => one.in === "query");
  const told = new URLSearchParams(query);
  for (const name of new Set(told.keys())) {
    const schema = known.find((one) => one.name === name)?.schema;
    if (schema === undefined) return `${name}, which is unknown`;
    const values = told.getAll(name);
    if (schema.type !== "array" && values.length > 1) return `${name} twice`;
    const items = schema.type === "array" ? schema.items : schema;
    const read = values.map((value) => readWord(value, items?.type));
    const [complaint] = validate(schema, schema.type === "array" ? read : read[0], { named });
    if (complaint !== undefined) return `${name}, which ${complaint.detail}`;
  }
  return null;
}

function readWord(value: string, type: Schema["type"]): unknown {
  if (type === "integer" && /^-?\d+$/.test(value)) return Number(value);
  if (type === "boolean" && /^(true|false)$/.test(value)) return value === "true";
  return value;
}
