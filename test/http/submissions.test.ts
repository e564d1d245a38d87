import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createFront } from "../../src/http/front.ts";
import { buildDocument } from "../../src/http/document.ts";
import type { Front } from "../../src/http/env.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { cancelSubmission } from "../../src/http/submissions/cancel-submission.ts";
import { createSubmission } from "../../src/http/submissions/create-submission.ts";
import { getSubmission } from "../../src/http/submissions/get-submission.ts";
import { listSubmissions } from "../../src/http/submissions/list-submissions.ts";
import { waitOf } from "../../src/http/submissions/prefer.ts";
import { updateSubmission } from "../../src/http/submissions/update-submission.ts";
import type { Submission } from "../../src/mail/submission.ts";
import { cancelSubmission as cancelOperation } from "../../src/operations/cancel-submission.ts";
import { getSubmission as getOperation } from "../../src/operations/get-submission.ts";
import { listSubmissions as listOperation } from "../../src/operations/list-submissions.ts";
import { updateSubmission as updateOperation } from "../../src/operations/update-submission.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import type { Document } from "./every-route.ts";
import { everyMember, stringsIn, withString } from "./every-string.ts";
import { openOutbox, type Outbox } from "../background/outbox.ts";
import { type Scripted, startScripted } from "../protocols/smtp/scripted.ts";

let outbox: Outbox;
let server: Scripted;
let account: AccountRow;
let app: Front;
/** With less memory. */
let small: Front;
beforeEach(async () => {
  outbox = await openOutbox();
  server = await startScripted();
  account = await outbox.account({ port: server.port });
  const { clock, caller } = outbox;
  const front = {
    config: { maxBody: 64 * 1024, publicUrl: null },
    maxMessage: 2_000_000,
    log: { write: () => {} },
    metrics: createMetrics(),
    clock,
    authenticate: async () => caller,
    ready: async () => {},
    docsScript: null,
  };
  app = createFront(front);
  small = createFront({ ...front, heldAtOnce: 2_000_000, maxJson: 1_500_000 });
  createSubmission(small, (...given) => outbox.create(...given));
  const needs = { ...outbox.store(), cursorKey: new Uint8Array(32) };
  createSubmission(app, (...given) => outbox.create(...given));
  listSubmissions(app, listOperation(needs));
  getSubmission(app, getOperation(needs));
  updateSubmission(app, updateOperation({ ...needs, clock, wake: outbox.wake }));
  cancelSubmission(app, cancelOperation({ ...needs, clock, wake: outbox.wake }));
});
afterEach(async () => {
  await outbox.close();
  await server.close();
});

const path = () => `/v1/accounts/${account.id}/submissions`;
const body = { to: [{ email: "bob@example.org" }], subject: "Hello", text: "Hello\n" };

async function request(method: string, at: string, headers: Record<string, string> = {}, json?: unknown) {
  const response = await app.request(at, {
    method,
    headers: { Authorization: "Bearer pst_x", "Content-Type": "application/json", ...headers },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    json: (await response.json()) as Record<string, unknown>,
  };
}
const post = (headers: Record<string, string>, json: unknown = body) => request("POST", path(), headers, json);

describe("POST submissions", () => {
  test("accepts, replays, and is read back", async () => {
    const first = await post({ "Idempotency-Key": "a" });
    expect(first.status).toBe(202);
    expect(first.json).toMatchObject({ state: "queued", envelope: { from: "alice@example.org" } });
    const location = first.headers.get("location") ?? "";
    expect(location).toBe(`${path()}/${String(first.json["id"])}`);
    expect(first.headers.get("idempotency-replayed")).toBeNull();

    const again = await post({ "idempotency-key": "a" });
    expect(again).toMatchObject({ status: 202, json: first.json });
    expect(again.headers.get("idempotency-replayed")).toBe("true");

    await outbox.flush();
    expect((await request("GET", location)).json).toMatchObject({ state: "sent", recipients: [{ code: 250 }] });
    const list = await request("GET", path());
    expect((list.json["data"] as Submission[]).map(({ id }) => id)).toEqual([first.json["id"]]);
  });

  test("waits as preferred: 200 with the outcome", async () => {
    const answer = post({ "Idempotency-Key": "a", Prefer: "respond-async, wait=10" });
    for (let worked = 0; worked === 0;) {
      ({ worked } = await outbox.flush());
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const { status, headers, json } = await answer;
    expect(status).toBe(200);
    expect(json).toMatchObject({ state: "sent" });
    expect(headers.get("preference-applied")).toBe("wait=10");
  });

  test.each([
    [{}, 400, "idempotency-key-missing"],
    [{ "Idempotency-Key": "a b" }, 400, "idempotency-key-invalid"],
    [{ "Idempotency-Key": "x".repeat(256) }, 400, "idempotency-key-invalid"],
  ])("refuses the headers %j", async (headers, status, code) => {
    expect(await post(headers)).toMatchObject({ status, json: { code } });
  });

  test.each([
    ["/surprise", { ...body, surprise: 1 }],
    ["/to", { ...body, to: [] }],
    ["/to", { ...body, to: Array.from({ length: 1001 }, () => ({ email: "b@example.org" })) }],
    ["/to/0/email", { ...body, to: [{ email: "bob@example.org\r\nDATA" }] }],
    ["/to/0/surprise", { ...body, to: [{ email: "bob@example.org", surprise: 1 }] }],
    ["/subject", { ...body, subject: "a\r\nb" }],
    [
      "/attachments/0/path",
      { ...body, attachments: [{ filename: "a", contentType: "a/b", content: "", path: "/etc/passwd" }] },
    ],
    [
      "/attachments/0/href",
      { ...body, attachments: [{ filename: "a", contentType: "a/b", content: "", href: "http://x" }] },
    ],
    ["/sendAt", { ...body, sendAt: "2020-01-01T00:00:00Z" }],
    ["/sendAt", { ...body, sendAt: "tomorrow" }],
  ])("refuses %s, and no octet is on the wire", async (pointer, json) => {
    const { status, json: problem } = await post({ "Idempotency-Key": "a" }, json);
    expect(status).toBe(422);
    expect((problem["errors"] as { pointer: string }[]).map((error) => error.pointer)).toEqual([pointer]);
    expect((await outbox.flush()).worked).toBe(0);
    expect(server.connections()).toBe(0);
  });

  test("takes a body beyond the usual limit", async () => {
    const content = Buffer.alloc(300_000, "a").toString("base64");
    const attachments = [{ filename: "a.txt", contentType: "text/plain", content }];
    expect((await post({ "Idempotency-Key": "a" }, { ...body, attachments })).status).toBe(202);
  });

  test("takes less as JSON where there is less memory", async () => {
    const send = (length: number, to: Front) => {
      const headers = { Authorization: "Bearer pst_x", "Content-Type": "application/json", "Idempotency-Key": "a" };
      return to.request(path(), { method: "POST", headers, body: JSON.stringify(body).padEnd(length) });
    };
    const refused = await send(1_500_001, small);
    expect([refused.status, await refused.json()]).toMatchObject([413, { code: "body-too-large", limit: 1_500_000 }]);
    expect((await send(1_500_000, small)).status).toBe(202);
    expect((await send(1_500_001, app)).status).toBe(202);
  });

  test("takes in only so many long bodies at once, and turns away who waits too long", async () => {
    const send = (key: string, sent: string | ReadableStream, to = app) => {
      const headers = { Authorization: "Bearer pst_x", "Content-Type": "application/json", "Idempotency-Key": key };
      return to.request(path(), { method: "POST", headers, body: sent, duplex: "half" });
    };
    let left = 0;
    const slow = () =>
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(100_000).fill(32)),
        pull: () => new Promise<void>(() => {}),
        cancel: () => void (left += 1),
      });
    // Nobody has said how long they become: two of the longest are as much as one app may have.
    const answers = ["a", "b", "c"].map(async (key) => send(key, slow()));
    expect((await send("d", JSON.stringify(body))).status).toBe(202);
    await vi.waitFor(async () => {
      await outbox.clock.advance(10_000);
      expect(left).toBe(1);
    });
    const refused = await Promise.race(answers);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "account-busy", retryable: true });

    // Where there is less memory, a long one has it for itself.
    const alone = ["e", "f"].map(async (key) => send(key, slow(), small));
    await vi.waitFor(async () => {
      await outbox.clock.advance(10_000);
      expect(left).toBe(2);
    });
    expect((await Promise.race(alone)).status).toBe(503);
  });
});

describe("line breaks and NUL", () => {
  const kept = /^\/(text|html|calendar\/content)$/;

  test("are refused in every string that there is, and nothing is stored", async () => {
    const { components } = buildDocument(app, null) as unknown as Document;
    const bodies = everyMember(components.schemas["SubmissionInput"] ?? {}, components.schemas);
    const seen = new Set<string>();
    for (const whole of bodies) {
      for (const at of stringsIn(whole)) {
        const broken = kept.test(at) ? ["a\0b"] : ["a\r\nBcc: evil@example.org", "a\nb", "a\rb", "a\0b", "\r\n"];
        seen.add(at);
        for (const text of broken) {
          const { status, json } = await post({ "Idempotency-Key": "a" }, withString(whole, at, text));
          expect(status, `${at} ${JSON.stringify(text)}`).toBe(422);
          const pointers = (json["errors"] as { pointer: string }[]).map(({ pointer }) => pointer);
          expect(
            pointers.some((pointer) => pointer !== "" && at.startsWith(pointer)),
            `${at}: ${pointers.join()}`,
          ).toBe(true);
        }
      }
    }
    // A look at the walk itself: these are strings that nobody should forget.
    for (const at of [
      "/to/0/email",
      "/envelope/to/0",
      "/headers/0/value",
      "/attachments/0/uploadId",
      "/metadata/a",
      "/inReplyTo",
    ])
      expect(seen).toContain(at);
    expect(await outbox.store().submissions.list(account.id, { before: null, limit: 10 })).toEqual([]);
    expect(server.connections()).toBe(0);
  });

  test("are refused in the names of metadata", async () => {
    for (const name of ["a\r\nb", "a\0"]) {
      const { status } = await post({ "Idempotency-Key": "a" }, { ...body, metadata: { [name]: "x" } });
      expect(status).toBe(422);
    }
  });
});

test("is put off, taken back, and then changed no more", async () => {
  const { json } = await post({ "Idempotency-Key": "a" }, { ...body, undoSeconds: 30 });
  const one = `${path()}/${String(json["id"])}`;
  const sendAt = "2026-11-22T14:00:00.000Z";
  expect(await request("PATCH", one, {}, { sendAt })).toMatchObject({
    status: 200,
    json: { state: "scheduled", sendAt },
  });
  expect(await request("DELETE", one)).toMatchObject({ status: 200, json: { state: "canceled" } });
  expect(await request("DELETE", one)).toMatchObject({ status: 200, json: { state: "canceled" } });
  expect(await request("PATCH", one, {}, { sendAt: null })).toMatchObject({
    status: 409,
    json: { code: "not-changeable" },
  });
  const next = await post({ "Idempotency-Key": "b" });
  await outbox.flush();
  const other = `${path()}/${String(next.json["id"])}`;
  expect(await request("DELETE", other)).toMatchObject({ status: 409, json: { code: "not-cancelable" } });
});

test.each([{}, { sendAt: "soon" }, { resolve: "maybe" }, { sendAt: null, resolve: "sent" }, { state: "sent" }])(
  "PATCH %j is refused",
  async (patch) => {
    const { json } = await post({ "Idempotency-Key": "a" }, { ...body, undoSeconds: 30 });
    const answer = await request("PATCH", `${path()}/${String(json["id"])}`, {}, patch);
    expect(answer).toMatchObject({ status: 422, json: { code: "validation-failed" } });
  },
);

test("a submission of another account is not found", async () => {
  const other = await outbox.account({});
  const id = await outbox.accept(other);
  expect(await request("GET", `${path()}/${id}`)).toMatchObject({ status: 404, json: { code: "not-found" } });
});

test("the document names the headers and both answers", () => {
  const { paths } = buildDocument(app, null) as unknown as Document;
  const { responses } = paths["/v1/accounts/{accountId}/submissions"]?.["post"] ?? { responses: {} };
  expect(Object.keys(responses)).toEqual(expect.arrayContaining(["200", "202", "400", "413", "422"]));
});

test.each([
  [undefined, 0],
  ["", 0],
  ["wait=10", 10],
  ['wait="10"', 10],
  ["Wait = 5; x=y, other", 5],
  ["respond-async,wait=3", 3],
  ["wait=600", 60],
  ["wait=-1", 0],
  ["wait=soon", 0],
  ["await=5", 0],
])("Prefer: %s", (prefer, seconds) => {
  expect(waitOf(prefer)).toBe(seconds);
});
