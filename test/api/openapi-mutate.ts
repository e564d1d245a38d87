import type { Random } from "./openapi-random.ts";

type Members = Record<string, unknown>;

const oddTexts = [
  "",
  " ",
  "\r\nRCPT TO:<evil@postern.test>",
  "a\u0000b",
  "\u0001\u0007\u001b[31m",
  "\ud800",
  "a\udc00\ud800b",
  "\u202eabc\u202c",
  "\ufeff",
  "\uffff",
  "🏴‍☠️".repeat(40),
  "e" + "\u0301".repeat(300),
  "../../etc/passwd",
  "%00%ff%zz",
  "' OR 1=1 --",
  "${jndi:ldap://127.0.0.1/}",
  "__proto__",
  "null",
  "ſ İ ı K",
  "x".repeat(3000),
  "long ".repeat(40_000),
];

const oddNumbers = [-1, 0, 1.5, -0, 2 ** 31, 2 ** 53, 1e21, 1e308, -1e308, 5e-324];

const oddNames = ["surprise", "__proto__", "constructor", "toString", "", "\u0000", "ID", "$ref"];

/** A value with one thing about it changed; what was changed is said in words. */
export function mutateValue(value: unknown, random: Random): { value: unknown; how: string } {
  const copy = structuredClone(value);
  const holders = holdersOf(copy);
  if (holders.length === 0 || random.chance(0.05)) {
    const whole = random.pick([null, [], {}, "text", 7, true, [copy]]);
    return { value: whole, how: `the whole is ${JSON.stringify(whole).slice(0, 40)}` };
  }
  const holder = random.pick(holders);
  const names = Object.keys(holder);
  const name = names.length === 0 ? null : random.pick(names);
  if (name === null || random.chance(0.1)) return { value: copy, how: addTo(holder, random) };
  const there = holder[name];
  if (!Array.isArray(holder) && random.chance(0.2)) {
    Reflect.deleteProperty(holder, name);
    return { value: copy, how: `without ${name}` };
  }
  const other = mutated(there, random);
  Reflect.set(holder, name, other);
  return { value: copy, how: `${name} is ${(JSON.stringify(other) ?? "").slice(0, 60)}` };
}

/** All objects and lists of a value, itself included. */
function holdersOf(value: unknown): Members[] {
  if (typeof value !== "object" || value === null) return [];
  return [value as Members, ...Object.values(value).flatMap(holdersOf)];
}

function addTo(holder: Members, random: Random): string {
  if (Array.isArray(holder)) {
    const [first = null] = holder as unknown[];
    const added = random.pick([[null], Array.from({ length: 1500 }, () => first), [[]], [{}]]);
    holder.push(...added);
    return `${added.length} more items`;
  }
  const name = random.pick(oddNames);
  Object.defineProperty(holder, name, { value: "surprise", enumerable: true, configurable: true, writable: true });
  return `with a member ${JSON.stringify(name)}`;
}

function mutated(there: unknown, random: Random): unknown {
  if (random.chance(0.3)) return random.pick([null, true, 0, "", [], {}, "text", [there], { there }, deepList(40)]);
  if (typeof there === "number") return random.pick([...oddNumbers, String(there), -there, there + 0.5]);
  if (typeof there === "string")
    return random.pick([...oddTexts, `${there} `, there.toUpperCase(), there + there, `${there}\n`, there.slice(1)]);
  if (typeof there === "boolean") return random.pick([String(there), Number(there)]);
  if (Array.isArray(there))
    return random.pick([[], [...there, ...there], [there], Object.fromEntries(there.entries())]);
  return random.pick([[], {}, "object", [there]]);
}

function deepList(depth: number): unknown {
  return depth === 0 ? [] : [deepList(depth - 1)];
}

/** JSON that is none, or none that may be taken. All of these must be refused. */
export function brokenJson(text: string, random: Random): { body: Buffer; how: string } {
  const bytes = Buffer.from(text);
  const ways: [how: string, body: Buffer][] = [
    ["cut off", bytes.subarray(0, Math.max(1, bytes.length - 1 - random.below(bytes.length)))],
    ["empty", Buffer.alloc(0)],
    ["white space only", Buffer.from(" \n ")],
    ["a trailing comma", Buffer.from(text.replace(/\}$/, ",}"))],
    ["a comment", Buffer.from(`/* */${text}`)],
    ["a byte order mark", Buffer.from(`\ufeff${text}`)],
    ["octets that are no UTF-8", Buffer.from([...Buffer.from('{"a":"'), 0xff, 0xc0, 0x80, ...Buffer.from('"}')])],
    ["UTF-16", Buffer.from(text, "utf16le")],
    ["a key twice", Buffer.from(text.replace(/^\{/, '{"a":1,"a":1,').replace(/,\}$/, "}"))],
    ["a lone surrogate", Buffer.from(String.raw`{"a":"\ud800"}`)],
    ["a NUL", Buffer.from(String.raw`{"a":"\u0000"}`)],
    ["NaN", Buffer.from('{"a":NaN}')],
    ["a number that is none", Buffer.from('{"a":01}')],
    ["single quotes", Buffer.from("{'a':1}")],
    ["two values", Buffer.from(`${text}${text}`)],
    ["depth", Buffer.from("[".repeat(5000))],
    ["depth that closes", Buffer.from(`${'{"a":'.repeat(200)}1${"}".repeat(200)}`)],
    ["a control character", Buffer.from('{"a":"\u0001"}')],
  ];
  const [how, body] = random.pick(ways);
  return { how: `JSON with ${how}`, body };
}

/** Queries that are never right, as they stand behind what is there already. */
export const oddQueries = [
  "surprise=1",
  "limit=1&limit=2",
  "limit=0",
  "limit=-1",
  "limit=1e2",
  "limit=0x10",
  "limit=%2050",
  "limit=99999999999999999999",
  "limit[]=1",
  "cursor=",
  "cursor=AAAA",
  "cursor=%F0%9F%A6%8A",
  "=1",
  "a=%zz",
  "a=%00",
  "a=%c3%28",
  "__proto__=1",
  "constructor=1",
  `surprise=${"x".repeat(4000)}`,
  `surprise=${"x".repeat(9000)}`,
];

/** Parts of paths in place of an id. */
export const oddSegments = [
  "%00",
  "%ff",
  "%zz",
  "%",
  "%2e%2e",
  "..",
  "%2F",
  "a%2Fb",
  "%20",
  "+",
  "*",
  ":id",
  "{id}",
  "acc_%30",
  "%F0%9F%A6%8A",
  "\u00e9",
  "",
  ";x=1",
  "raw",
  "__proto__",
  "x".repeat(3000),
  "x".repeat(9000),
  "msg_",
  `msg_${"A".repeat(700)}`,
  "att_0",
  `att_1${".1".repeat(100)}`,
  "acc_00000000000000000000000000",
];

/** Headers that no route has to make sense of, and each must survive. */
export const oddHeaders: [name: string, value: string][] = [
  ["Range", "bytes=0-0"],
  ["Range", "bytes=-1"],
  ["Range", "bytes=5-2"],
  ["Range", "bytes=0-0,2-3"],
  ["Range", "lines=1-2"],
  ["Range", "bytes=99999999999999999999-"],
  ["Range", "bytes="],
  ["If-Range", '"x"'],
  ["If-None-Match", "*"],
  ["If-None-Match", 'W/"x", "y"'],
  ["If-None-Match", '"a'],
  ["If-None-Match", '"a",'.repeat(2000)],
  ["If-Match", "*"],
  ["If-Match", '"x"'],
  ["If-Match", ",,,"],
  ["If-Modified-Since", "yesterday"],
  ["If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"],
  ["Prefer", "wait=-1"],
  ["Prefer", "wait=99999999999999999999999"],
  ["Prefer", 'wait="1", wait=x;;,=,'],
  ["Prefer", "x".repeat(1500)],
  ["Idempotency-Key", ""],
  ["Idempotency-Key", "a b"],
  ["Idempotency-Key", "\u00e9"],
  ["Idempotency-Key", "k".repeat(256)],
  ["Last-Event-ID", "evt_no"],
  ["Last-Event-ID", "\u00ff".repeat(300)],
  ["Accept", "image/avif"],
  ["Accept", "*/*;q=0"],
  ["Accept", ";;,/,q=,"],
  ["Accept", "application/problem+json"],
  ["Accept-Encoding", "identity;q=0, gzip"],
  ["Content-Encoding", "gzip"],
  ["Content-Type", ""],
  ["Content-Type", "application/json; charset=utf-16"],
  ["Content-Type", "text/plain"],
  ["Content-Type", "application/json, text/plain"],
  ["Content-Type", "multipart/form-data; boundary=x"],
  ["Content-Type", "message/rfc822; charset=\u00e9"],
  ["Host", "a b"],
  ["Host", "[::1"],
  ["Host", "localhost:99999999"],
  ["Host", "%zz"],
  ["Host", "evil.test/path?x#y"],
  ["Origin", "https://evil.test"],
  ["X-HTTP-Method-Override", "DELETE"],
  ["X-Forwarded-Proto", "javascript"],
  ["X-Request-Id", "\u00ff<script>"],
  ["Expect", "200-maybe"],
  ["Cookie", "c=".repeat(4000)],
  ["X-Long", "x".repeat(40_000)],
];

/** In place of a good Authorization; null: none at all. */
export const oddKeys = [
  null,
  "",
  "Bearer",
  "Bearer ",
  "Bearer pst_",
  `Bearer pst_${"0".repeat(49)}`,
  "Bearer \u00e9\u00ff",
  "Basic YTpi",
  `Bearer ${"k".repeat(5000)}`,
  "Bearer a b c",
  "DPoP x",
];
