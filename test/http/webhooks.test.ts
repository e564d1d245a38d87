import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exampleOf } from "../../src/http/events/examples.ts";
import { event } from "../../src/http/events/schema.ts";
import type { Front } from "../../src/http/env.ts";
import { buildDocument } from "../../src/http/document.ts";
import { describePayloads } from "../../src/http/webhooks/describe-payloads.ts";
import { delivery, newWebhook, rotatedSecret, webhook } from "../../src/http/webhooks/schema.ts";
import { Failure } from "../../src/errors.ts";
import { eventTypes } from "../../src/mail/event.ts";
import type { AppCaller } from "../../src/mail/tenant.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { openWebhookHouse, type WebhookHouse } from "../operations/webhook-house.ts";
import { webhookFront } from "./webhook-front.ts";

let house: WebhookHouse;
let caller: AppCaller;
let account: AccountRow;
let app: Front;
beforeEach(async () => {
  house = await openWebhookHouse();
  ({ caller, account } = await house.tenant());
  app = webhookFront(house.clock, house.operations, (token) =>
    token === "bound" ? house.bound(caller, account.id) : caller,
  );
});
afterEach(() => house.close());

type Answer = { status: number; headers: Headers; text: string; body: Record<string, unknown> };

async function call(method: string, path: string, body?: unknown, key = "any"): Promise<Answer> {
  const response = await app.request(path, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body !== undefined && { "Content-Type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const { status, headers } = response;
  return { status, headers, text, body: (text === "" ? {} : JSON.parse(text)) as Answer["body"] };
}

const url = "https://receiver.example/hook";
const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;

async function made(change: Record<string, unknown> = {}): Promise<string> {
  const { status, body } = await call("POST", "/v1/webhooks", { url, ...change });
  expect(status).toBe(201);
  return `/v1/webhooks/${String(body["id"])}`;
}

test("every answer is as the document has it, and the secret is told by two of them only", async () => {
  const created = await call("POST", "/v1/webhooks", { url, secret, headers: { "X-Key": "canary" } });
  expect(created.status).toBe(201);
  expect(newWebhook.strict().parse(created.body)).toMatchObject({
    secret,
    url,
    description: "",
    types: null,
    accountIds: null,
    folderRoles: null,
    headerNames: ["X-Key"],
    maxConcurrency: 20,
    maxPerSecond: null,
    state: "enabled",
    disabledBecause: null,
  });
  const path = created.headers.get("location") ?? "";
  expect(path).toBe(`/v1/webhooks/${String(created.body["id"])}`);

  const read = await call("GET", path);
  expect(read.status).toBe(200);
  webhook.strict().parse(read.body);
  const listed = await call("GET", "/v1/webhooks");
  expect(listed.body).toEqual({ data: [read.body], nextCursor: null });
  const changed = await call("PATCH", path, { types: ["message.created"], enabled: false });
  expect([changed.status, webhook.strict().parse(changed.body)]).toMatchObject([200, { state: "disabled" }]);

  const tested = await call("POST", `${path}/test`, { type: "webhook.disabled" });
  expect(tested.status).toBe(200);
  expect(delivery.strict().parse(tested.body)).toMatchObject({ state: "delivered", accountId: null, test: true });
  const deliveries = await call("GET", `${path}/deliveries?state=delivered,failed`);
  expect(deliveries.body).toEqual({ data: [tested.body], nextCursor: null });
  const one = await call("GET", `${path}/deliveries/${String(tested.body["id"])}`);
  expect([one.status, one.body]).toEqual([200, tested.body]);

  const rotated = await call("POST", `${path}/rotate-secret`, {});
  expect([rotated.status, rotatedSecret.strict().parse(rotated.body)]).toMatchObject([
    200,
    { secret: expect.stringMatching(/^whsec_/), previousSecretUntil: "2026-11-23T12:00:00.000Z" },
  ]);
  const after = await call("GET", path);
  for (const { text } of [read, listed, changed, tested, deliveries, one, after]) {
    expect(text).not.toContain("whsec_");
    expect(text).not.toContain("canary");
  }
  expect((await call("DELETE", path)).status).toBe(204);
  expect((await call("GET", path)).status).toBe(404);
});

describe("bad input", () => {
  const id = `acc_${"0".repeat(26)}`;
  const cases: [what: string, input: Record<string, unknown>, pointer: string, code?: string][] = [
    ["no URL", {}, "/url"],
    ["no text", { url: 5 }, "/url"],
    ["an empty URL", { url: "" }, "/url"],
    ["not a URL", { url: "receiver.example/hook" }, "/url"],
    ["ftp", { url: "ftp://receiver.example/hook" }, "/url"],
    ["userinfo", { url: "https://user:word@receiver.example/hook" }, "/url"],
    ["a fragment", { url: "https://receiver.example/hook#here" }, "/url"],
    ["2,049 characters", { url: `https://receiver.example/${"a".repeat(2024)}` }, "/url"],
    ["http to where it is not allowed", { url: "http://198.41.0.4/hook" }, "/url", "address-not-allowed"],
    ["a port that is not allowed", { url: "https://receiver.example:25/hook" }, "/url", "address-not-allowed"],
    ["a private address", { url: "https://10.0.0.1/hook" }, "/url", "address-not-allowed"],
    ["one in another notation", { url: "https://2130706433/hook" }, "/url", "address-not-allowed"],
    ["a mapped one", { url: "https://[::ffff:a00:1]/hook" }, "/url", "address-not-allowed"],
    ["two lines of description", { url, description: "a\nb" }, "/description"],
    ["a long description", { url, description: "a".repeat(501) }, "/description"],
    ["a type that there is not", { url, types: ["message.exploded"] }, "/types/0"],
    ["no types", { url, types: [] }, "/types"],
    ["a type twice", { url, types: ["message.moved", "message.moved"] }, "/types"],
    ["one type as a text", { url, types: "message.moved" }, "/types"],
    ["a malformed account", { url, accountIds: ["me"] }, "/accountIds/0"],
    ["no accounts", { url, accountIds: [] }, "/accountIds"],
    ["an account that is not there", { url, accountIds: [id] }, "/accountIds/0"],
    ["too many accounts", { url, accountIds: Array.from({ length: 101 }, () => id) }, "/accountIds"],
    ["a role that there is not", { url, folderRoles: ["inbox", "outbox"] }, "/folderRoles/1"],
    ["the header Host", { url, headers: { Host: "other.example" } }, "/headers/Host"],
    ["a header of the signature", { url, headers: { "Webhook-Id": "1" } }, "/headers/Webhook-Id"],
    ["a header that is no name", { url, headers: { "a/b c": "1" } }, "/headers/a~1b c"],
    ["CR and LF in a header", { url, headers: { "X-Key": "a\r\nX-Other: b" } }, "/headers/X-Key"],
    ["a header that is no text", { url, headers: { "X-Key": 1 } }, "/headers/X-Key"],
    [
      "too many headers",
      { url, headers: Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`X-${at}`, "1"])) },
      "/headers",
    ],
    ["a short secret", { url, secret: "whsec_AAAA" }, "/secret"],
    ["a long secret", { url, secret: `whsec_${"A".repeat(300)}` }, "/secret"],
    ["a concurrency of 0", { url, maxConcurrency: 0 }, "/maxConcurrency"],
    ["a concurrency of 101", { url, maxConcurrency: 101 }, "/maxConcurrency"],
    ["a rate of 0", { url, maxPerSecond: 0 }, "/maxPerSecond"],
    ["a rate that is no whole number", { url, maxPerSecond: 1.5 }, "/maxPerSecond"],
    ["enabled by a text", { url, enabled: "true" }, "/enabled"],
    ["another field", { url, headerNames: [] }, "/headerNames"],
  ];

  test("of a webhook is 422 with a pointer, and nothing is stored", async () => {
    for (const [what, input, pointer, code = "validation-failed"] of cases) {
      const { status, body } = await call("POST", "/v1/webhooks", input);
      expect([what, status, body["code"], body["errors"]]).toEqual([
        what,
        422,
        code,
        expect.arrayContaining([expect.objectContaining({ pointer })]),
      ]);
    }
    expect((await call("GET", "/v1/webhooks")).body["data"]).toEqual([]);
  });

  test("of a change is the same, and nothing is changed", async () => {
    const path = await made();
    const before = (await call("GET", path)).body;
    // What a change may leave out, and what it can't have.
    const apart = ["no URL", "a short secret", "a long secret"];
    for (const [what, { ...input }, pointer] of cases.filter(([what]) => !apart.includes(what))) {
      if (input["url"] === url) delete input["url"];
      const { status, body } = await call("PATCH", path, input);
      expect([what, status, body["errors"]]).toEqual([
        what,
        422,
        expect.arrayContaining([expect.objectContaining({ pointer })]),
      ]);
    }
    expect((await call("PATCH", path, { secret })).body).toMatchObject({ errors: [{ pointer: "/secret" }] });
    expect((await call("PATCH", path, {})).status).toBe(422);
    expect((await call("GET", path)).body).toEqual(before);
  });

  test("of the other routes", async () => {
    const path = await made();
    for (const [method, at, input, pointer] of [
      ["POST", "/test", {}, "/type"],
      ["POST", "/test", { type: "message.exploded" }, "/type"],
      ["POST", "/rotate-secret", { secret: "whsec_AAAA" }, "/secret"],
      ["GET", "/deliveries?state=lost", undefined, "?state"],
      ["GET", "/deliveries?state=", undefined, "?state"],
      ["GET", "/deliveries?limit=0", undefined, "?limit"],
    ] as const)
      expect(await call(method, path + at, input)).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
    expect((await call("GET", `${path}/deliveries?cursor=AAAA`)).body).toMatchObject({ code: "invalid-cursor" });
  });
});

test("what an account-bound key can't have is 422 or 404", async () => {
  const bound = (method: string, path: string, body?: unknown) => call(method, path, body, "bound");
  expect(await bound("POST", "/v1/webhooks", { url })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: "/accountIds", code: "required" }] },
  });
  const own = await bound("POST", "/v1/webhooks", { url, accountIds: [account.id] });
  expect(own.status).toBe(201);
  const path = await made();
  expect((await bound("GET", path)).status).toBe(404);
  expect(((await bound("GET", "/v1/webhooks")).body["data"] as { id: string }[]).map(({ id }) => id)).toEqual([
    own.body["id"],
  ]);
});

test("where nothing can be posted no webhook is made, and the rest answers as ever", async () => {
  const unsupported = (): never => {
    throw new Failure("unsupported-by-runtime", "Where this Postern runs it can't deliver to webhooks.");
  };
  const run = { ...house.operations, createWebhook: unsupported, testWebhook: unsupported };
  app = webhookFront(house.clock, run, () => caller);
  expect(await call("POST", "/v1/webhooks", { url })).toMatchObject({
    status: 422,
    body: { code: "unsupported-by-runtime" },
  });
  expect((await call("GET", "/v1/webhooks")).status).toBe(200);
});

test("redelivering is 202, 409 or 410", async () => {
  const path = await made();
  await house.tell(account, ["account.paused"]);
  const [one] = (await call("GET", `${path}/deliveries`)).body["data"] as { id: string }[];
  const again = () => call("POST", `${path}/deliveries/${one?.id}/redeliver`);
  const answer = await again();
  expect([answer.status, delivery.strict().parse(answer.body).state]).toEqual([202, "pending"]);
  await call("PATCH", path, { enabled: false });
  expect(await again()).toMatchObject({ status: 409, body: { code: "not-changeable", fix: expect.any(String) } });
  await call("PATCH", path, { enabled: true });
  await house.store.events.sweep(house.clock.now() + 1);
  expect(await again()).toMatchObject({ status: 410, body: { code: "changes-expired" } });
});

test("each type can be tried, and what is sent is what the document says", async () => {
  const path = await made();
  for (const type of eventTypes) {
    const { status, body } = await call("POST", `${path}/test`, { type });
    expect([type, status, body["type"], body["state"]]).toEqual([type, 200, type, "delivered"]);
    const sent = JSON.parse(house.posted.at(-1)?.body ?? "") as Record<string, unknown>;
    expect(event.parse(sent)).toEqual(sent);
    expect(sent).toEqual({ ...exampleOf(type), id: body["eventId"], createdAt: expect.any(String), sequence: 0 });
  }
});

test("the document has the payload of each type, with its three headers and what an answer means", () => {
  describePayloads(app);
  const { webhooks } = buildDocument(app, null) as unknown as {
    webhooks: Record<string, { post: Record<string, unknown> & { responses: Record<string, unknown> } }>;
  };
  expect(Object.keys(webhooks)).toEqual([...eventTypes]);
  for (const { post } of Object.values(webhooks)) {
    const headers = (post["parameters"] as { name: string; in: string; required: boolean }[]).map(
      ({ name, in: where, required }) => [name, where, required],
    );
    expect(headers).toEqual(["id", "timestamp", "signature"].map((name) => [`webhook-${name}`, "header", true]));
    expect(Object.keys(post.responses).sort()).toEqual(["2XX", "410", "429", "default"]);
  }
  expect(webhooks["message.created"]?.post).toMatchObject({
    requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/MessageCreatedEvent" } } } },
  });
});
