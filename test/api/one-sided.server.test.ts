import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildDocument } from "../../src/http/document.ts";
import type { Document } from "../http/every-route.ts";
import { sample } from "../http/sample.ts";
import type { Problem } from "./maildrops.ts";
import { type Api, startApi, storeAccount } from "./start.ts";

let api: Api;
let document: Document;

beforeAll(async () => {
  api = await startApi();
  document = buildDocument(api.postern.app, null) as unknown as Document;
});
afterAll(() => api.stop());

const auth = { type: "password", username: "someone", password: "a-password" };
// Nothing listens there: what is refused is refused without a connection.
const server = { host: "127.0.0.1", port: 1, security: "tls", auth };
const sides = {
  imap: { incoming: { protocol: "imap", ...server } },
  pop3: { incoming: { protocol: "pop3", ...server } },
  smtp: { outgoing: { protocol: "smtp", ...server } },
  "pop3 and smtp": { incoming: { protocol: "pop3", ...server }, outgoing: { protocol: "smtp", ...server } },
};
const stored = (kind: keyof typeof sides) =>
  storeAccount(api, { email: "someone@postern.test", verify: false, ...sides[kind] });

const things: Record<string, string> = {
  folderId: `fld_${"0".repeat(26)}`,
  messageId: `msg_${"A".repeat(40)}`,
  attachmentId: "att_1",
};

const send = (account: string) =>
  api.call<Problem>(
    "POST",
    `${account}/submissions`,
    { to: [{ name: "", email: "someone@postern.test" }], subject: "s", text: "t" },
    { headers: { "Idempotency-Key": randomBytes(8).toString("hex") } },
  );

/** What each route below one part of an account answers: [method and path, status, code]. */
async function answers(account: string, part: "folders" | "messages"): Promise<[string, number, string][]> {
  const found: [string, number, string][] = [];
  const start = `/v1/accounts/{accountId}/${part}`;
  for (const [path, item] of Object.entries(document.paths)) {
    if (path !== start && !path.startsWith(`${start}/`)) continue;
    const below = path
      .slice("/v1/accounts/{accountId}".length)
      .replaceAll(/\{(\w+)\}/g, (_, name) => things[name] ?? "");
    for (const [method, { operationId, requestBody, parameters = [] }] of Object.entries(item)) {
      const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
      const json =
        content && type === "application/json" ? sample(content.schema, document.components.schemas) : undefined;
      const needed = parameters.filter((one) => one.in === "query" && one.required);
      const query = needed
        .map((one) => `${one.name}=${String(sample(one.schema, document.components.schemas))}`)
        .join("&");
      const url = `${account}${below}${query === "" ? "" : `?${query}`}`;
      const raw = type === "message/rfc822" ? { headers: { "Content-Type": type } } : {};
      const body = type === "message/rfc822" ? "Subject: a\r\n\r\n" : json;
      const answer = await api.call<Problem>(method.toUpperCase(), url, body, raw);
      found.push([operationId, answer.status, answer.body.code]);
    }
  }
  return found;
}

test.for(["folders", "messages"] as const)("an account with SMTP alone answers no-incoming on %s", async (part) => {
  const found = await answers(await stored("smtp"), part);
  expect(found.length).toBeGreaterThan(4);
  expect(found).toEqual(found.map(([id]) => [id, 422, "no-incoming"]));
});

test.for(["imap", "pop3"] as const)("an account with %s alone answers no-outgoing to a submission", async (kind) => {
  const account = await stored(kind);
  const refused = await send(account);
  expect([refused.status, refused.body.code]).toEqual([422, "no-outgoing"]);
  expect((await api.call(`GET`, `${account}/submissions`)).body).toEqual({ data: [], nextCursor: null });
  // What it has is tried.
  const answer = await api.call<Problem>("GET", `${account}/messages`);
  expect([answer.status, answer.body.upstream?.protocol]).toEqual([502, kind]);
});

test("an account with POP3 and SMTP is refused neither", async () => {
  const account = await stored("pop3 and smtp");
  expect((await send(account)).status).toBe(202);
  const found = await answers(account, "messages");
  expect(found.map(([, , code]) => code)).not.toContain("no-incoming");
});

test.for(Object.keys(sides) as (keyof typeof sides)[])(
  "%s: the sides that it has can't be made others",
  async (kind) => {
    const account = await stored(kind);
    for (const side of ["incoming", "outgoing"] as const) {
      const hasSide = side in sides[kind];
      const change = { [side]: { port: 2, auth: { password: "another" } }, verify: false };
      const { status, body } = await api.call<Problem>("PATCH", account, change);
      expect([side, status, body.code]).toEqual([side, hasSide ? 200 : 422, hasSide ? undefined : "validation-failed"]);
    }
  },
);
