import { describe, expect, test } from "vitest";
import { type Answered, type Asked, checkAnswer } from "./fuzz-answer.ts";
import { type ApiDocument, readDocument } from "./openapi-document.ts";

const document: ApiDocument = readDocument();
const operation = document.operations.find(({ operationId }) => operationId === "accounts.status") ?? null;

const asked: Asked = { operation, method: "GET", refuse: null, bent: false };

function problem(status: number, code: string, change: object = {}): Answered {
  const body = {
    type: `urn:postern:problem:${code}`,
    title: "t",
    status,
    code,
    detail: "d",
    instance: "i",
    requestId: "req_1",
    retryable: false,
    ...change,
  };
  const headers = { "content-type": "application/problem+json", "x-request-id": "req_1" };
  return { status, headers, text: JSON.stringify(body), isStream: false };
}

function json(status: number, body: unknown, media = "application/json"): Answered {
  return { status, headers: { "content-type": media }, text: JSON.stringify(body), isStream: false };
}

const good = { state: "connected", since: "2026-11-23T10:00:00.000Z", folders: [] };

describe("an answer", () => {
  test.each<[string, Answered, Partial<Asked>]>([
    ["as documented", json(200, good), {}],
    ["that is a documented problem", problem(404, "not-found"), {}],
    ["to HEAD", { ...json(200, good), text: "" }, { method: "HEAD" }],
    ["at a place that is not there", problem(404, "not-found"), { operation: null }],
    ["to a bent path", problem(414, "uri-too-long"), { bent: true }],
  ])("%s is right", (_, got, change) => {
    expect(checkAnswer(document, { ...asked, ...change }, got)).toEqual([]);
  });

  test.each<[string, Answered, Partial<Asked>]>([
    ["409 is not documented", problem(409, "account-paused"), {}],
    ["500", problem(500, "internal"), {}],
    ['200 as "text/html" instead of application/json', json(200, good, "text/html"), {}],
    ["200: /state is not in the enum", json(200, { ...good, state: "asleep" }), {}],
    ["200: /folders is missing", json(200, { ...good, folders: undefined }), {}],
    ["200: /more is not in the schema", json(200, { ...good, more: 1 }), {}],
    ["is no date-time", json(200, { ...good, since: "2026-11-23T10:00:00Z" }), {}],
    ["404: /code is not in the enum", problem(404, "message-gone"), {}],
    ["404 with 400 in the problem", problem(404, "not-found", { status: 400 }), {}],
    ["404 without its request's id", problem(404, "not-found", { requestId: "req_2" }), {}],
    ['404 as "application/json" instead of a problem', json(404, {}), {}],
    ["200 for a query limit", json(200, good), { refuse: "a query limit" }],
    ["HEAD has a body", json(200, good), { method: "HEAD" }],
    ["200 at a place that is not there", json(200, good), { operation: null }],
    ["405 without Allow", problem(405, "method-not-allowed"), { operation: null }],
  ])("is wrong: %s", (what, got, change) => {
    expect(checkAnswer(document, { ...asked, ...change }, got).join("\n")).toContain(what);
  });
});
