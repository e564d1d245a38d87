import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import { checkHeaders } from "../../src/webhooks/check-headers.ts";

function pointers(headers: Record<string, string>): string[] {
  try {
    checkHeaders(headers);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "validation-failed") throw error;
    return (error.details.errors ?? []).map(({ pointer }) => pointer);
  }
  return [];
}

const many = (count: number, value = "x") =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, value]));

test.each([
  {},
  { authorization: "Bearer abc.def", "X-Tenant": 'a, b; c="d"' },
  { "x-empty": "" },
  { "x-tab": "a\tb" },
  { cookie: "a=b", "!#$%&'*+-.^_`|~0": "x" },
  many(20),
])("takes %j", (headers) => {
  expect(pointers(headers)).toEqual([]);
});

test.each(
  [
    "Host",
    "host",
    "Content-Length",
    "content-type",
    "Content-Encoding",
    "Connection",
    "Keep-Alive",
    "Transfer-Encoding",
  ]
    .concat(["TE", "Trailer", "Upgrade", "Expect", "Proxy-Authorization", "proxy-connection", "User-Agent"])
    .concat(["Accept-Encoding", "webhook-id", "Webhook-Signature", "WEBHOOK-TIMESTAMP", "webhook-anything"]),
)("%s is not for apps to set", (name) => {
  expect(pointers({ [name]: "x" })).toEqual([`/headers/${name}`]);
});

test.each(["", " ", "a b", "a:b", "a\r\nb", "ä", "x\0", "a(b)", "x".repeat(101)])("%j is no name", (name) => {
  expect(pointers({ [name]: "x" })).toEqual([`/headers/${name.slice(0, 100)}`]);
});

test("a name in a pointer is escaped", () => {
  expect(pointers({ "a/b~c": "x" })).toEqual(["/headers/a~1b~0c"]);
});

test.each(["a\r\nb: c", "a\nb", "a\rb", "a\0b", " a", "a ", "\t", "ä", "a\u007f", "\u001b[0m"])(
  "%j is no value",
  (value) => {
    expect(pointers({ "x-one": value })).toEqual(["/headers/x-one"]);
  },
);

test("each name once, 20 names, 8,192 characters", () => {
  expect(pointers({ "X-A": "1", "x-a": "2" })).toEqual(["/headers/x-a"]);
  expect(pointers(many(21))).toEqual(["/headers"]);
  expect(pointers({ "x-1": "y".repeat(8_189) })).toEqual([]);
  expect(pointers({ "x-1": "y".repeat(8_190) })).toEqual(["/headers"]);
});

test("all that is wrong is told, up to 20", () => {
  expect(pointers({ host: "x", "x-a": "\n", "x-b": "fine" })).toEqual(["/headers/host", "/headers/x-a"]);
  expect(pointers(many(1_000, "\n"))).toHaveLength(20);
});
