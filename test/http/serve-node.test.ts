import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Front } from "../../src/http/env.ts";
import { parseRange } from "../../src/http/range.ts";
import { resolveRange } from "../../src/mail/range.ts";
import { serveNode, type Served } from "../../src/http/serve-node.ts";
import { streamed } from "../../src/http/stream.ts";
import { openTenants, type Tenants } from "./tenants.ts";

let tenants: Tenants;
let served: Served;
let base: string;

/** What the streams of the test routes have seen. */
const seen = { produced: 0, returned: 0, opened: 0 };

const size = 64 * 1024;

function source(chunks: number, failAt = Number.POSITIVE_INFINITY): AsyncIterable<Uint8Array> {
  let n = 0;
  seen.opened += 1;
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        if (n === failAt) return Promise.reject(new Error("the mail server went away: secret words"));
        if (n === chunks) return Promise.resolve({ done: true, value: undefined });
        n += 1;
        seen.produced += 1;
        return Promise.resolve({ done: false, value: new Uint8Array(size).fill(n) });
      },
      return: () => {
        seen.returned += 1;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
}

/** Routes that only stream, beside the real ones. */
function addStreams(app: Front): void {
  app.get("/stream/:chunks", (c) => {
    const chunks = Number(c.req.param("chunks"));
    const asked = parseRange(c.req.header("range"));
    const range = asked === undefined ? null : resolveRange(asked, chunks * size);
    const whole = range === null || (range.start === 0 && range.end === chunks * size - 1);
    const part = (async function* () {
      yield new Uint8Array((range?.end ?? 0) - (range?.start ?? 0) + 1).fill(9);
    })();
    return streamed(c, {
      contentType: "application/octet-stream",
      stream: whole ? source(chunks) : part,
      size: chunks * size,
      range,
    });
  });
  app.get("/unsized/:chunks/:failAt", (c) =>
    streamed(c, {
      contentType: "text/plain",
      stream: source(Number(c.req.param("chunks")), Number(c.req.param("failAt"))),
      size: null,
    }),
  );
  app.get("/sized/:told/:chunks", (c) =>
    streamed(c, {
      contentType: "text/plain",
      stream: source(Number(c.req.param("chunks"))),
      size: Number(c.req.param("told")) * size,
    }),
  );
  app.get("/slow", async (c) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return c.text("done");
  });
}

beforeAll(async () => {
  tenants = await openTenants();
  addStreams(tenants.app);
  const log = { write: (_: string, event: string) => void tenants.lines.push(event) };
  served = await serveNode({ fetch: (request) => tenants.app.fetch(request), host: "127.0.0.1", port: 0, log });
  base = `http://127.0.0.1:${served.port}`;
});

afterAll(async () => {
  await served.close(0);
  await tenants.close();
});

async function open(): Promise<Socket> {
  const socket = connect(served.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** All that the server says on a connection that it closes. */
async function raw(...parts: string[]): Promise<string> {
  const socket = await open();
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  for (const part of parts) socket.write(part, "latin1");
  await once(socket, "close");
  return text;
}

async function until(condition: () => boolean, ms: number): Promise<boolean> {
  const end = Date.now() + ms;
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  return condition();
}

describe("what Node would refuse by itself is a problem too", () => {
  const get = "GET /livez HTTP/1.1\r\nHost: x\r\n";
  const post = "POST /v1/apps HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  const cases: [what: string, parts: string[], status: number, code: string][] = [
    ["no HTTP", ["nonsense\r\n\r\n"], 400, "bad-request"],
    ["a broken header", [`${get}Bro ken: 1\r\n\r\n`], 400, "bad-request"],
    ["a header without a name", [`${get}: 1\r\n\r\n`], 400, "bad-request"],
    ["no Host", ["GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n"], 400, "bad-request"],
    ["two lengths", [`${post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`], 400, "bad-request"],
    [
      "a length and chunks",
      [`${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
      400,
      "bad-request",
    ],
    ["an unknown method", ["BREW /livez HTTP/1.1\r\nHost: x\r\n\r\n"], 400, "bad-request"],
    ["a target that is no path", ["GET livez HTTP/1.1\r\nHost: x\r\n\r\n"], 400, "bad-request"],
    ["the asterisk", ["OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"], 400, "bad-request"],
    ["CONNECT", ["CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n"], 400, "bad-request"],
    ["TRACE", ["TRACE /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"], 405, "method-not-allowed"],
    ["40 kB of headers", [`${get}A: ${"a".repeat(40_000)}\r\n\r\n`], 431, "headers-too-large"],
    [
      "a URI of 20 kB",
      [`GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`],
      414,
      "uri-too-long",
    ],
    ["%00", ["GET /v1/apps%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"], 400, "bad-request"],
    ["%ff", ["GET /v1/%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"], 400, "bad-request"],
  ];
  test.each(cases)("%s", async (_, parts, status, code) => {
    const answer = await raw(...parts);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/^content-type: application\/problem\+json\r?$/im);
    expect(head).toMatch(/^x-request-id: req_[0-9a-v]{26}\r?$/im);
    expect(JSON.parse(body)).toMatchObject({ code, status, type: `urn:postern:problem:${code}` });
  });

  test("a hostile Host changes nothing", async () => {
    const answer = await raw("GET /livez HTTP/1.1\r\nHost: evil/../x?y#z@a\r\nConnection: close\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe("uploads", () => {
  const head = () =>
    `POST /v1/apps HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tenants.first.operatorKey}\r\nContent-Type: application/json\r\n`;

  test("one that is too large is refused by its length, before it comes", async () => {
    const socket = await open();
    socket.write(`${head()}Content-Length: 1000000000\r\n\r\n`);
    const [chunk] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    expect(chunk.toString()).toMatch(/^HTTP\/1.1 413 [^]*body-too-large/);
  });

  test("one that tells no length is counted, and its answer is not lost", async () => {
    const socket = await open();
    socket.write(`${head()}Transfer-Encoding: chunked\r\n\r\n`);
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const chunk = `4000\r\n${"a".repeat(0x4000)}\r\n`;
    for (let n = 0; n < 60; n += 1) socket.write(chunk);
    expect(await until(() => text.includes("body-too-large"), 2000)).toBe(true);
    socket.destroy();
  });

  test("100 Continue is not said to what is refused anyway", async () => {
    const answer = await raw(`${head()}Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    const good = await raw(
      `${head()}Content-Length: 12\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
      '{"name":"a"}',
    );
    expect(good).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 /);
  });

  test("one in many pieces is read as one", async () => {
    const body = JSON.stringify({ name: "é😀" });
    const socket = await open();
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const bytes = Buffer.from(body);
    socket.write(`${head()}Content-Length: ${bytes.length}\r\n\r\n`);
    for (const byte of bytes) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await until(() => text.includes("é😀"), 2000)).toBe(true);
    expect(text).toMatch(/^HTTP\/1.1 201 /);
    socket.destroy();
  });

  test("one that is compressed is 415", async () => {
    const response = await fetch(`${base}/v1/apps`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${tenants.first.operatorKey}`,
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
      },
      body: "x",
    });
    expect(response.status).toBe(415);
  });
});

describe("downloads", () => {
  test("come whole, with their length", async () => {
    const response = await fetch(`${base}/stream/20`);
    expect(response.headers.get("content-length")).toBe(String(20 * size));
    expect(response.headers.get("accept-ranges")).toBe("bytes");
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes.length).toBe(20 * size);
    expect(bytes[20 * size - 1]).toBe(20);
  });

  test("HEAD has the headers, and closes the stream unread", async () => {
    const before = { ...seen };
    const response = await fetch(`${base}/stream/20`, { method: "HEAD" });
    expect(response.headers.get("content-length")).toBe(String(20 * size));
    expect(await response.text()).toBe("");
    expect(seen.produced).toBe(before.produced);
    expect(seen.returned).toBe(before.returned + 1);
  });

  test("parts are 206, what lies outside is 416 with the size", async () => {
    const part = await fetch(`${base}/stream/2`, { headers: { Range: "bytes=10-19" } });
    expect(part.status).toBe(206);
    expect(part.headers.get("content-range")).toBe(`bytes 10-19/${2 * size}`);
    expect((await part.arrayBuffer()).byteLength).toBe(10);
    const outside = await fetch(`${base}/stream/2`, { headers: { Range: `bytes=${2 * size}-` } });
    expect(outside.status).toBe(416);
    expect(outside.headers.get("content-range")).toBe(`bytes */${2 * size}`);
    expect(await outside.json()).toMatchObject({ code: "range-not-satisfiable" });
  });

  test("no more is taken from the source than the caller reads", async () => {
    const before = seen.produced;
    const socket = await open();
    socket.pause();
    socket.write("GET /stream/2000 HTTP/1.1\r\nHost: x\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const taken = seen.produced - before;
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(400);
    const returned = seen.returned;
    socket.destroy();
    expect(await until(() => seen.returned === returned + 1, 1000)).toBe(true);
  });

  test("a failure before the first octet is a problem without the words of the error", async () => {
    const response = await fetch(`${base}/unsized/5/0`);
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).toContain('"internal"');
    expect(text).not.toContain("secret words");
    expect(tenants.lines.join("")).not.toContain("secret words");
  });

  const cut: [what: string, path: string][] = [
    ["a failure in the middle", "/unsized/50/7"],
    ["a failure after the first octets", "/unsized/50/1"],
    ["fewer octets than told", "/sized/10/9"],
    ["more octets than told", "/sized/10/11"],
  ];
  test.each(cut)("%s cuts the connection", async (_, path) => {
    const text = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1.1 200 /);
    expect(text.endsWith("0\r\n\r\n")).toBe(false);
    expect(text).not.toContain("secret words");
    await expect(fetch(`${base}${path}`).then((response) => response.arrayBuffer())).rejects.toThrow("terminated");
  });
});

describe("those who take their time", () => {
  let slow: Served;
  beforeAll(async () => {
    const limits = { headers: 150, request: 400, check: 50, silence: 600 };
    const log = { write: () => {} };
    slow = await serveNode({ fetch: (request) => tenants.app.fetch(request), host: "127.0.0.1", port: 0, log, limits });
  });
  afterAll(() => slow.close(0));

  async function drip(start: string): Promise<string> {
    const socket = connect(slow.port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.write(start);
    const timer = setInterval(() => socket.write("a"), 30);
    await once(socket, "close");
    clearInterval(timer);
    return text;
  }

  test("over the headers get 408", async () => {
    expect(await drip("GET /livez HTTP/1.1\r\nHost: x\r\nX: ")).toMatch(/^HTTP\/1.1 408 [^]*"request-timeout"/);
  });

  test("over the body get 408", async () => {
    const { operatorKey } = tenants.first;
    const head = `POST /v1/apps HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${operatorKey}\r\n`;
    const answer = await drip(`${head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 408 [^]*"request-timeout"/);
  });

  test("over reading the answer are let go, and the source with them", async () => {
    const returned = seen.returned;
    const socket = connect(slow.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.pause();
    socket.write("GET /stream/5000 HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await until(() => seen.returned === returned + 1, 4000)).toBe(true);
    socket.destroy();
  });
});

test("SIGTERM's close lets a running answer end, takes nothing new, and keeps no idle connection", async () => {
  const log = { write: () => {} };
  const own = await serveNode({ fetch: (request) => tenants.app.fetch(request), host: "127.0.0.1", port: 0, log });
  const idle = connect(own.port, "127.0.0.1");
  await once(idle, "connect");
  const running = fetch(`http://127.0.0.1:${own.port}/slow`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const began = Date.now();
  const closed = own.close(5000);
  await expect(fetch(`http://127.0.0.1:${own.port}/livez`)).rejects.toThrow("fetch failed");
  expect(await (await running).text()).toBe("done");
  await closed;
  expect(Date.now() - began).toBeLessThan(2000);
  idle.destroy();
});

test("SIGTERM's close answers the first request of a connection that was made just before, and ends it", async () => {
  const log = { write: () => {} };
  const own = await serveNode({ fetch: (request) => tenants.app.fetch(request), host: "127.0.0.1", port: 0, log });
  const socket = connect(own.port, "127.0.0.1");
  await once(socket, "connect");
  // It has been accepted by now.
  await fetch(`http://127.0.0.1:${own.port}/livez`);
  const closed = own.close(5000);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(socket, "close");
  expect(text).toMatch(/^HTTP\/1.1 200 [^]*Connection: close/i);
  await closed;
});

test("close cuts what does not end in time", async () => {
  const log = { write: () => {} };
  const own = await serveNode({ fetch: () => new Promise<Response>(() => {}), host: "127.0.0.1", port: 0, log });
  const stuck = fetch(`http://127.0.0.1:${own.port}/`);
  const outcome = stuck.then(
    () => "answered",
    () => "cut",
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  const began = Date.now();
  await own.close(200);
  expect(Date.now() - began).toBeLessThan(1500);
  expect(await outcome).toBe("cut");
});
