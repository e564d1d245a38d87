import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bodyBytes } from "../../src/http/body.ts";
import { createFront } from "../../src/http/front.ts";
import type { Front } from "../../src/http/env.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { type Served, serveNode } from "../../src/http/serve-node.ts";
import { createRawSubmission } from "../../src/http/submissions/create-raw-submission.ts";
import { createUpload } from "../../src/http/uploads/create-upload.ts";
import { createRawSubmission as createRawOperation } from "../../src/operations/create-raw-submission.ts";
import { createUpload as createUploadOperation } from "../../src/operations/create-upload.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { chunked, randomFrom } from "../mime/random.ts";
import { openSendingHouse, type SendingHouse } from "../operations/sending-house.ts";

const maxMessage = 2_000_000;

let house: SendingHouse;
let account: AccountRow;
let app: Front;
/** How many requests have come to their end, whatever that was. */
let ended: { requests: number };
beforeEach(async () => {
  house = await openSendingHouse({ maxMessage });
  account = await house.account();
  ended = { requests: 0 };
  app = createFront({
    config: { maxBody: 64 * 1024, publicUrl: null },
    maxMessage,
    log: { write: () => {} },
    metrics: createMetrics(),
    clock: house.clock,
    authenticate: async () => house.caller,
    ready: async () => {},
    docsScript: null,
  });
  createRawSubmission(app, createRawOperation(house.needs));
  createUpload(app, createUploadOperation(house.needs));
});
afterEach(() => house.close());

const uploads = (query = "?filename=a.pdf") => `/v1/accounts/${account.id}/uploads${query}`;
const raw = (query = "") => `/v1/accounts/${account.id}/submissions/raw${query}`;
const message = "From: ann@example.com\r\nTo: bob@example.org\r\n\r\nHello\r\n";

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

async function post(at: string, body: Body | null, headers: Record<string, string> = {}) {
  const response = await app.request(at, {
    method: "POST",
    headers: { Authorization: "Bearer pst_x", ...headers },
    ...(body !== null && { body, duplex: "half" as const }),
  });
  return {
    status: response.status,
    headers: response.headers,
    json: (await response.json()) as Record<string, unknown>,
  };
}

const rfc822 = { "Content-Type": "message/rfc822", "Idempotency-Key": "a" };

/** Chunks that nobody has told the sum of. */
function streamed(chunks: number, octets: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent++ === chunks) controller.close();
      else controller.enqueue(new Uint8Array(octets).fill(120));
    },
  });
}

describe("POST uploads", () => {
  test("answers the upload, without a Location", async () => {
    const pdf = { "Content-Type": "application/pdf" };
    const { status, headers, json } = await post(uploads("?filename=gr%C3%B6%C3%9Fe+1.pdf"), streamed(3, 400_000), pdf);
    expect(status).toBe(201);
    expect(json).toMatchObject({ filename: "größe 1.pdf", contentType: "application/pdf", size: 1_200_000 });
    expect(headers.get("location")).toBeNull();
    expect(await house.store.uploads.get(account.id, String(json["id"]), house.clock.now())).not.toBeNull();
  });

  test.each([
    ["no file name", "", 422, "?filename"],
    ["an empty one", "?filename=", 422, "?filename"],
    ["a line break in it", "?filename=a%0d%0ab", 422, "?filename"],
    ["256 characters of it", `?filename=${"x".repeat(256)}`, 422, "?filename"],
    ["another name", "?filename=a&name=b", 422, "?name"],
    ["two", "?filename=a&filename=b", 422, "?filename"],
  ])("refuses %s", async (_, query, status, pointer) => {
    const answer = await post(uploads(query), "x");
    expect(answer).toMatchObject({ status, json: { errors: [{ pointer }] } });
  });

  test("refuses a NUL in the file name", async () => {
    expect(await post(uploads("?filename=a%00"), "x")).toMatchObject({ status: 400, json: { code: "bad-request" } });
  });

  test("refuses forms, which are no file, and says what to send", async () => {
    const form = new FormData();
    form.set("file", new File(["x"], "a.pdf"));
    const request = { method: "POST", headers: { Authorization: "Bearer pst_x" }, body: form };
    expect((await app.request(uploads(), request)).status).toBe(415);
    const posted = await post(uploads(), "x", { "Content-Type": "application/x-www-form-urlencoded" });
    expect(posted).toMatchObject({ status: 415, json: { code: "unsupported-media-type", fix: expect.any(String) } });
    expect((await post(uploads(), "x", { "Content-Encoding": "gzip" })).status).toBe(415);
  });

  test("refuses nothing at all", async () => {
    const empty = { status: 422, json: { code: "validation-failed", errors: [{ pointer: "", code: "empty" }] } };
    expect(await post(uploads(), null)).toMatchObject(empty);
    expect(await post(uploads(), streamed(0, 0))).toMatchObject(empty);
  });
});

describe.each([
  ["POST uploads", () => uploads(), {}],
  ["POST submissions/raw", () => raw(), rfc822],
] as const)("%s", (_, at, headers) => {
  const tooLarge = { status: 413, json: { code: "body-too-large", limit: maxMessage } };

  test("takes no more than a message may have, told or not", async () => {
    const told = { ...headers, "Content-Length": String(maxMessage + 1) };
    expect(await post(at(), new Uint8Array(maxMessage + 1), told)).toMatchObject(tooLarge);
    const head = new TextEncoder().encode(message);
    const chunks = new Uint8Array(maxMessage - head.length + 1).fill(120);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(head);
        for (let n = 0; n < chunks.length; n += 100_000) controller.enqueue(chunks.subarray(n, n + 100_000));
        controller.close();
      },
    });
    expect(await post(at(), body, headers)).toMatchObject(tooLarge);
    expect(await house.strays()).toBe(0);
    expect(await house.submissions(account)).toEqual([]);
  });

  test("keeps nothing of a caller that leaves in the middle", async () => {
    const served = await serve();
    const socket = connect(served.port, "127.0.0.1");
    const lines = Object.entries({ Host: "x", Authorization: "Bearer pst_x", "Content-Length": "1900000", ...headers });
    socket.write(`POST ${at()} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
    socket.write(message + "x\r\n".repeat(400_000));
    // So much that some of it is stored by now.
    for (const until = Date.now() + 5000; (await house.octetsStored()) === 0 && Date.now() < until;) await passed();
    expect(await house.octetsStored()).toBeGreaterThan(0);
    socket.destroy();
    for (const until = Date.now() + 5000; ended.requests === 0 && Date.now() < until;) await passed();
    expect(ended).toEqual({ requests: 1 });
    expect(await house.octetsStored()).toBe(0);
    expect(await house.submissions(account)).toEqual([]);
    await served.close(0);
  });
});

const passed = () => new Promise((resolve) => setTimeout(resolve, 5));

function serve(): Promise<Served> {
  const fetch = async (request: Request): Promise<Response> => {
    const response = await app.fetch(request);
    ended.requests += 1;
    return response;
  };
  return serveNode({ fetch, host: "127.0.0.1", port: 0, log: { write: () => {} } });
}

test("a body comes as it was sent, in few chunks where it was sent in many", async () => {
  const random = randomFrom(7);
  const octets = Buffer.from(Array.from({ length: 300_000 }, () => random() * 256));
  for (const [most, chunksAtMost] of [
    [1, 19],
    [500, 20],
    [9_000, 60],
    [50_000, 40],
  ] as const) {
    const body = ReadableStream.from(chunked(octets, random, most));
    const request = new Request("http://postern/", { method: "POST", body, duplex: "half" });
    const chunks: Uint8Array[] = [];
    for await (const chunk of bodyBytes(request, octets.length)) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(octets)).toBe(true);
    expect(chunks.length).toBeLessThanOrEqual(chunksAtMost);
  }
});

describe("POST submissions/raw", () => {
  test("accepts, and replays the same octets", async () => {
    const first = await post(raw(), message, rfc822);
    expect(first).toMatchObject({ status: 202, json: { state: "queued", envelope: { to: ["bob@example.org"] } } });
    expect(first.headers.get("location")).toBe(`/v1/accounts/${account.id}/submissions/${String(first.json["id"])}`);
    const again = await post(raw(), message, rfc822);
    expect(again).toMatchObject({ status: 202, json: first.json });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const other = await post(raw(), `${message}.`, rfc822);
    expect(other).toMatchObject({ status: 422, json: { code: "idempotency-key-reused" } });
  });

  test("takes the envelope, the times and the copy from the query, and waits as preferred", async () => {
    const query =
      "?from=ann@example.net&to=bob@example.org,cat@example.org&to=dan@example.org&undoSeconds=60&saveToSent=always";
    const answer = await post(raw(query), message, { ...rfc822, Prefer: "wait=5" });
    expect(answer).toMatchObject({
      status: 202,
      json: {
        state: "scheduled",
        envelope: { from: "ann@example.net", to: ["bob@example.org", "cat@example.org", "dan@example.org"] },
        sendAt: "2026-11-22T12:01:00.000Z",
        saveToSent: "always",
      },
    });
    expect(answer.headers.get("preference-applied")).toBe("wait=5");
  });

  test.each([
    ["to", "?to="],
    ["to", `?to=${Array.from({ length: 101 }, (_, n) => `a${n}@b.c`).join(",")}`],
    ["to", "?to=bob"],
    ["to", "?to=bob@example.org%0d%0aRCPT"],
    ["from", "?from=%3Cann@example.com%3E"],
    ["from", "?from=a@b.c&from=d@e.f"],
    ["sendAt", "?sendAt=tomorrow"],
    ["sendAt", "?sendAt=2020-01-01T00:00:00Z"],
    ["undoSeconds", "?undoSeconds=0"],
    ["undoSeconds", "?undoSeconds=5&sendAt=2026-12-01T00:00:00Z"],
    ["deliverBefore", "?deliverBefore=2027-12-01T00:00:00Z"],
    ["saveToSent", "?saveToSent=perhaps"],
    ["bcc", "?bcc=a@b.c"],
  ])("refuses %s of %s", async (name, query) => {
    const answer = await post(raw(query), message, rfc822);
    expect(answer).toMatchObject({ status: 422, json: { errors: [{ pointer: `?${name}` }] } });
    expect(await house.submissions(account)).toEqual([]);
  });

  test.each<[string, string | null, Record<string, string>, number, string]>([
    ["another media type", message, { ...rfc822, "Content-Type": "text/plain" }, 415, "unsupported-media-type"],
    ["no key", message, { "Content-Type": "message/rfc822" }, 400, "idempotency-key-missing"],
    ["a key with a space", message, { ...rfc822, "Idempotency-Key": "a b" }, 400, "idempotency-key-invalid"],
    ["no body", null, rfc822, 400, "bad-request"],
    ["an empty body", "", rfc822, 400, "bad-request"],
    ["what is no message", "Hello", rfc822, 422, "validation-failed"],
  ])("refuses %s", async (_, body, headers, status, code) => {
    expect(await post(raw(), body, headers)).toMatchObject({ status, json: { code } });
  });
});
