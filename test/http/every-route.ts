import { sample, type Schema } from "./sample.ts";

type Operation = {
  operationId: string;
  "x-postern-scope": string;
  parameters?: { name: string; in: string; required?: boolean; schema: Schema; example?: unknown }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, unknown> }>;
};

export type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

/** An app's side of the checks: a key with all scopes, and an existing thing of its own for each path parameter. */
export type Tenant = { key: string; things: Record<string, string> };

export type Setup = {
  fetch: (request: Request) => Response | Promise<Response>;
  document: Document;
  operatorKey: string;
  owner: Tenant;
  /** Another app, with things of its own for the same parameters. */
  stranger: Tenant;
  /** A key of the owner's app with all scopes but this one. */
  keyWithout: (scope: string) => Promise<string>;
  /** A key of the owner's app with all scopes, bound to an account that none of the owner's things is about. */
  boundKey: string;
  /** Well-formed ids of things that do not exist, by path parameter. */
  missing: Record<string, string>;
  /** Words of the owner's that the stranger must never be told: names, addresses, subjects. */
  foreignWords: string[];
  /** Valid bodies by operationId, where the document's examples make none. */
  bodies?: Record<string, unknown>;
};

type Body = string | Uint8Array<ArrayBuffer> | null;

type Call = { key?: string | undefined; query?: string; body?: Body; contentType?: string; method?: string };

const methods = ["get", "post", "put", "patch", "delete"];
const surprise = "surprise";

/**
 * What the document promises for every route, tried out on a running app: the key, the scope, strangers' things, strict
 * input, methods, and that each status seen is documented. Answers what is wrong, one line each; [] is good. A new
 * route is covered by being in the document; a path parameter that the setup does not know is a complaint too.
 */
export async function checkEveryRoute(setup: Setup): Promise<string[]> {
  const complaints: string[] = [];
  const unauthorized = new Set<string>();
  for (const [path, item] of Object.entries(setup.document.paths)) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
    const unknown = names.filter((name) =>
      [setup.owner.things, setup.stranger.things, setup.missing].some((known) => known[name] === undefined),
    );
    if (unknown.length > 0) {
      complaints.push(`${path}: the setup has no ${unknown.join(", ")}`);
      continue;
    }
    for (const method of methods) {
      const operation = item[method];
      if (operation !== undefined)
        await checkRoute({ setup, path, names, method, operation, complaints, unauthorized });
    }
    await checkMethods(setup, path, item, complaints);
  }
  if (unauthorized.size > 1)
    complaints.push(`401 has ${unauthorized.size} different bodies: ${[...unauthorized].join(" ")}`);
  return complaints;
}

type Route = {
  setup: Setup;
  path: string;
  names: string[];
  method: string;
  operation: Operation;
  complaints: string[];
  unauthorized: Set<string>;
};

function fill(path: string, things: Record<string, string>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(things[name] ?? ""));
}

async function checkRoute(route: Route): Promise<void> {
  const { setup, path, names, operation } = route;
  const scope = operation["x-postern-scope"];
  const own = fill(path, setup.owner.things);
  const ownKey = scope === "operator" ? setup.operatorKey : scope === "none" ? undefined : setup.owner.key;
  if (scope !== "none") await checkKeys(route, own);
  if (scope !== "none" && scope !== "any") await checkScope(route, own, scope);
  await expectProblem(
    route,
    "an unknown query parameter",
    own,
    { key: ownKey, query: `?${surprise}=1` },
    422,
    `?${surprise}`,
  );
  await expectProblem(route, "a broken percent-escape", own, { key: ownKey, query: "?a=%zz" }, 400);
  if (negotiable(operation))
    await expectProblem(route, "an Accept that nothing fits", own, { key: ownKey }, 406, undefined, {
      accept: "image/avif",
    });
  if (operation.requestBody?.content["application/json"] !== undefined) await checkBody(route, own, ownKey);
  if (rawMedia(operation) !== undefined) await checkRawBody(route, own, ownKey);
  for (const name of names) await checkForeign(route, name, scope);
  if (names.length > 0 && scope !== "operator" && scope !== "none") await checkBound(route, own);
  if (route.method === "get" && scope !== "none") await checkHead(route, own, ownKey);
}

/** Whether the good answers have media types, and only ones that are known beforehand. */
function negotiable(operation: Operation): boolean {
  const good = Object.entries(operation.responses).filter(([status]) => status.startsWith("2"));
  const media = good.flatMap(([, { content = {} }]) => Object.keys(content));
  return media.length > 0 && !media.some((one) => one.includes("*"));
}

async function checkKeys(route: Route, own: string): Promise<void> {
  const bad = [undefined, "pst_", `pst_${"0".repeat(49)}`, "Basic"];
  for (const key of bad) {
    const answer = await expectProblem(route, `the key ${key ?? "missing"}`, own, { key }, 401);
    const challenge = answer.headers.get("www-authenticate");
    if (challenge === null || !/^Bearer\b/.test(challenge)) complain(route, "401 has no WWW-Authenticate: Bearer");
    route.unauthorized.add(answer.text.replaceAll(/req_[0-9a-v]{26}/g, "req"));
  }
}

async function checkScope(route: Route, own: string, scope: string): Promise<void> {
  const { setup } = route;
  const wrong = scope === "operator" ? [setup.owner.key] : [await setup.keyWithout(scope), setup.operatorKey];
  for (const key of wrong) {
    const answer = await expectProblem(route, "a key without the scope", own, { key }, 403);
    if (!answer.text.includes('"scope-missing"')) complain(route, `403 has another code: ${answer.text}`);
    if (!answer.text.includes('"fix"')) complain(route, "403 does not say what to do");
  }
}

/** Each parameter in turn names a thing of the owner's, or none, while those before it are the caller's own. */
async function checkForeign(route: Route, name: string, scope: string): Promise<void> {
  const { setup, path, names } = route;
  const key = scope === "operator" ? setup.operatorKey : scope === "none" ? undefined : setup.stranger.key;
  const at = names.indexOf(name);
  const mine = setup.stranger.things;
  const after = (from: Record<string, string>) =>
    Object.fromEntries(names.map((other, index) => [other, (index < at ? mine : from)[other] ?? ""]));
  const absent = await expectProblem(
    route,
    `${name} that does not exist`,
    fill(path, after(setup.missing)),
    { key, body: validBody(route) },
    404,
  );
  await expectProblem(
    route,
    `${name} that is malformed`,
    fill(path, { ...mine, [name]: "nonsense" }),
    { key, body: validBody(route) },
    404,
  );
  // An operator's first parameter has no foreign value: every app is his.
  if (scope === "operator" && at === 0) return;
  const foreign = await expectProblem(
    route,
    `another's ${name}`,
    fill(path, after(setup.owner.things)),
    { key, body: validBody(route) },
    404,
  );
  checkUntold(route, `another's ${name}`, foreign, absent);
}

/** To a key that is bound to other accounts, its own app's things are as if they did not exist. */
async function checkBound(route: Route, own: string): Promise<void> {
  const { setup, path } = route;
  const call = { key: setup.boundKey, body: validBody(route) };
  const beyond = await expectProblem(route, "a thing beyond the key's accounts", own, call, 404);
  const absent = await expectProblem(route, "no thing at all", fill(path, setup.missing), call, 404);
  checkUntold(route, "a thing beyond the key's accounts", beyond, absent);
}

/** What one may not know of is not told, nor that it is there. */
function checkUntold(route: Route, what: string, told: Answer, absent: Answer): void {
  const word = route.setup.foreignWords.find((one) => told.text.includes(one));
  if (word !== undefined) complain(route, `${what} is told with "${word}"`);
  const anonymous = (text: string) => text.replaceAll(/req_[0-9a-v]{26}/g, "req");
  if (anonymous(told.text) !== anonymous(absent.text))
    complain(route, `${what} can be told from a missing one: ${told.text} / ${absent.text}`);
}

async function checkBody(route: Route, own: string, key: string | undefined): Promise<void> {
  const body = validBody(route);
  const object = JSON.parse(body ?? "{}") as Record<string, unknown>;
  const text = JSON.stringify(object).slice(1);
  const comma = text === "}" ? "" : ",";
  const nested = `${"[".repeat(33)}${"]".repeat(33)}`;
  const cases: [string, Body, number, string?][] = [
    ["an unknown field", `{"${surprise}":1${comma}${text}`, 422, `/${surprise}`],
    ["a name that stands twice", `{"${surprise}":1,"${surprise}":2}`, 422, `/${surprise}`],
    ["__proto__", '{"__proto__":{"a":1}}', 422, "/__proto__"],
    ["a lone surrogate", `{"${surprise}":"\\ud800"}`, 422, `/${surprise}`],
    ["a NUL", `{"${surprise}":"\\u0000"}`, 422, `/${surprise}`],
    ["33 levels", `{"${surprise}":${nested}}`, 422],
    ["an array", "[]", 422],
    ["no body", null, 400],
    ["an empty body", "", 400],
    ["broken JSON", '{"a":', 400],
    ["what is not UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400],
  ];
  for (const [what, sent, status, pointer] of cases) {
    await expectProblem(route, what, own, { key, body: sent }, status, pointer);
  }
  await expectProblem(
    route,
    "another content type",
    own,
    { key, body: "a=1", contentType: "application/x-www-form-urlencoded" },
    415,
  );
}

/** The media type of a body that is not JSON. */
function rawMedia(operation: Operation): string | undefined {
  return Object.keys(operation.requestBody?.content ?? {}).find((media) => media !== "application/json");
}

async function checkRawBody(route: Route, own: string, key: string | undefined): Promise<void> {
  const body = validBody(route);
  const takesFiles = rawMedia(route.operation) === "*/*";
  const others = takesFiles ? ["multipart/form-data; boundary=x"] : ["application/json", "text/plain"];
  for (const contentType of [...others, "application/x-www-form-urlencoded"])
    await expectProblem(route, `the content type ${contentType}`, own, { key, body, contentType }, 415);
  await expectProblem(route, "a compressed body", own, { key, body }, 415, undefined, { "Content-Encoding": "gzip" });
  await expectProblem(route, "no body", own, { key }, takesFiles ? 422 : 400);
  const announced = { "Content-Length": String(2 ** 40) };
  await expectProblem(route, "a body that is announced to be huge", own, { key, body }, 413, undefined, announced);
}

async function checkHead(route: Route, own: string, key: string | undefined): Promise<void> {
  const get = await send(route, own, { key });
  const head = await send(route, own, { key, method: "HEAD" });
  if (head.status !== get.status || head.text !== "") {
    complain(route, `HEAD answers ${head.status} with ${head.text.length} characters, GET ${get.status}`);
  }
  for (const [what, answer] of [
    ["GET", get],
    ["HEAD", head],
  ] as const)
    checkDocumented(route, what, answer.status);
  if (route.operation.responses[304] !== undefined && get.status === 200)
    await checkConditions(route, own, key, get.headers);
}

/** A route that may answer 304 says by which tag, and heeds what is asked by it. */
async function checkConditions(route: Route, own: string, key: string | undefined, told: Headers): Promise<void> {
  const etag = told.get("etag") ?? "";
  const same = ["etag", "cache-control", "content-security-policy", "x-content-type-options"];
  const asked: [what: string, headers: Record<string, string>, status: number][] = [
    ["If-None-Match of what is there", { "If-None-Match": etag }, 304],
    ["If-None-Match of another", { "If-None-Match": '"another"' }, 200],
    ["If-Match of what is there", { "If-Match": etag }, 200],
    ["If-Match of another", { "If-Match": '"another"' }, 412],
    ["If-Match before If-None-Match", { "If-Match": '"another"', "If-None-Match": etag }, 412],
  ];
  for (const [what, headers, status] of asked) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await send(route, own, { key, method }, headers);
      checkDocumented(route, what, answer.status);
      if (answer.status !== status) complain(route, `${method} with ${what}: ${answer.status} instead of ${status}`);
      if (status === 304 && answer.text !== "") complain(route, `${method} with ${what} has a body`);
      const changed = status < 400 && same.find((name) => answer.headers.get(name) !== told.get(name));
      if (typeof changed === "string") complain(route, `${method} with ${what}: another ${changed}`);
    }
  }
}

async function checkMethods(
  setup: Setup,
  path: string,
  item: Record<string, Operation>,
  complaints: string[],
): Promise<void> {
  const own = fill(path, setup.owner.things);
  const known = methods.filter((method) => item[method] !== undefined).map((method) => method.toUpperCase());
  // A literal path may be hidden by a parameter of a neighbour: it takes more methods then, never fewer.
  const wrong = ["PUT", "LINK", ...methods.map((method) => method.toUpperCase())].find(
    (method) => !known.includes(method) && !neighbours(setup, path).has(method),
  );
  for (const method of [wrong ?? "LINK", "OPTIONS"]) {
    const response = await setup.fetch(new Request(`http://postern${own}`, { method }));
    const allow = (response.headers.get("allow") ?? "").split(", ");
    const expected = method === "OPTIONS" ? 204 : 405;
    await response.body?.cancel();
    if (response.status !== expected) complaints.push(`${method} ${path}: ${response.status} instead of ${expected}`);
    if (!known.every((name) => allow.includes(name)))
      complaints.push(`${method} ${path}: Allow is "${allow.join(", ")}"`);
  }
}

/** Methods of the other paths that this path's filled form fits too. */
function neighbours(setup: Setup, path: string): Set<string> {
  const filled = fill(path, setup.owner.things);
  return new Set(
    Object.entries(setup.document.paths)
      .filter(([other]) => new RegExp(`^${other.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(filled))
      .flatMap(([, item]) =>
        methods.filter((method) => item[method] !== undefined).map((method) => method.toUpperCase()),
      ),
  );
}

function validBody({ setup, operation }: Route): string | null {
  if (rawMedia(operation) !== undefined) return "Subject: hello\r\n\r\nhello\r\n";
  const schema = operation.requestBody?.content["application/json"]?.schema;
  if (schema === undefined) return null;
  return JSON.stringify(setup.bodies?.[operation.operationId] ?? sample(schema, setup.document.components.schemas));
}

type Answer = { status: number; headers: Headers; text: string };

/** The query parameters that a route can't do without. */
function requiredQuery({ setup, operation }: Route): string {
  const needed = (operation.parameters ?? []).filter((one) => one.in === "query" && one.required === true);
  const value = (one: (typeof needed)[number]) =>
    String(one.example ?? sample(one.schema, setup.document.components.schemas));
  return needed.map((one) => `&${one.name}=${encodeURIComponent(value(one))}`).join("");
}

async function send(route: Route, path: string, call: Call, extra: Record<string, string> = {}): Promise<Answer> {
  const { setup, operation } = route;
  const headers = new Headers(extra);
  if (call.key !== undefined) headers.set("Authorization", call.key === "Basic" ? "Basic YTpi" : `Bearer ${call.key}`);
  for (const parameter of operation.parameters ?? []) {
    if (parameter.in === "header" && parameter.required === true) {
      headers.set(
        parameter.name,
        String(parameter.example ?? sample(parameter.schema, setup.document.components.schemas)),
      );
    }
  }
  const body = call.body ?? null;
  if (operation.requestBody !== undefined && (body !== null || call.contentType !== undefined)) {
    const media = Object.keys(operation.requestBody.content)[0] ?? "application/json";
    headers.set("Content-Type", call.contentType ?? (media === "*/*" ? "application/octet-stream" : media));
  }
  const method = call.method ?? route.method.toUpperCase();
  const response = await setup.fetch(
    new Request(`http://postern${path}${call.query ?? "?"}${requiredQuery(route)}`, { method, headers, body }),
  );
  return { status: response.status, headers: response.headers, text: await textOf(response) };
}

/** A stream of events has no end: its beginning tells whether it is one. */
async function textOf(response: Response): Promise<string> {
  if (response.headers.get("content-type") !== "text/event-stream" || response.body === null) return response.text();
  const reader = response.body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

async function expectProblem(
  route: Route,
  what: string,
  path: string,
  call: Call,
  status: number,
  pointer?: string,
  extra?: Record<string, string>,
): Promise<Answer> {
  const answer = await send(route, path, call, extra);
  checkDocumented(route, what, answer.status);
  if (answer.status !== status) {
    complain(route, `${what}: ${answer.status} instead of ${status}: ${answer.text.slice(0, 300)}`);
  } else if (answer.headers.get("content-type") !== "application/problem+json") {
    complain(route, `${what}: ${String(answer.headers.get("content-type"))} instead of a problem document`);
  } else if (pointer !== undefined && !answer.text.includes(`"pointer":${JSON.stringify(pointer)}`)) {
    complain(route, `${what}: no pointer ${pointer} in ${answer.text}`);
  }
  return answer;
}

function checkDocumented(route: Route, what: string, status: number): void {
  if (route.operation.responses[status] === undefined) complain(route, `${what}: ${status} is not documented`);
}

function complain(route: Route, complaint: string): void {
  route.complaints.push(`${route.operation.operationId}: ${complaint}`);
}
