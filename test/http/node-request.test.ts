import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bodyBytes, hasBody } from "../../src/http/body.ts";
import { serveNode, type Served } from "../../src/http/serve-node.ts";

let served: Served;
let base: string;

async function count(request: Request): Promise<Response> {
  let octets = 0;
  for await (const chunk of bodyBytes(request, 1_000_000)) octets += chunk.length;
  return new Response(`${octets} ${hasBody(request)}`);
}

/** Reads one chunk, and leaves the rest. */
async function leave(request: Request): Promise<Response> {
  for await (const _ of bodyBytes(request, 1_000_000_000)) break;
  return new Response("left");
}

/** Waits for more than ever comes, and then does so no longer. */
async function giveUp(request: Request): Promise<Response> {
  const reader = request.body?.getReader();
  await reader?.read();
  const pending = reader?.read();
  await reader?.cancel();
  return new Response(String((await pending)?.done));
}

/** What is told of the headers, each way. */
async function headers({ headers: told }: Request): Promise<Response> {
  const all: Record<string, string> = {};
  told.forEach((value, name) => (all[name] = value));
  return Response.json({ all, one: told.get("X-ONE"), has: told.has("x-One"), none: told.get("none") });
}

beforeAll(async () => {
  const routes: Record<string, (request: Request) => Promise<Response>> = {
    "/echo": (request) => Promise.resolve(new Response(request.body)),
    "/count": count,
    "/leave": leave,
    "/give-up": giveUp,
    "/headers": headers,
  };
  const fetch = (request: Request) =>
    routes[new URL(request.url).pathname]?.(request) ?? new Response(null, { status: 404 });
  served = await serveNode({ fetch, host: "127.0.0.1", port: 0, log: { write: () => {} } });
  base = `http://127.0.0.1:${served.port}`;
});

afterAll(() => served.close(0));

test("an upload is a web stream too, for who asks for one", async () => {
  const body = new Uint8Array(700_000).map((_, at) => at % 251);
  const answer = await fetch(`${base}/echo`, { method: "POST", body });
  expect(Buffer.compare(new Uint8Array(await answer.arrayBuffer()), body)).toBe(0);
});

test.each([
  ["octets", 600_000, "600000 true"],
  ["no octets", 0, "0 false"],
])("a body of %s is read to its end", async (_, size, told) => {
  const answer = await fetch(`${base}/count`, { method: "POST", body: new Uint8Array(size) });
  expect(await answer.text()).toBe(told);
});

test("the rest of an upload that is left is read away, and the answer arrives", async () => {
  const answer = await fetch(`${base}/leave`, { method: "POST", body: new Uint8Array(3_000_000) });
  expect(await answer.text()).toBe("left");
});

test("who waits for more can stop waiting", async () => {
  const socket = connect(served.port, "127.0.0.1");
  socket.write("POST /give-up HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  while (!text.includes("\r\n\r\n")) await once(socket, "data");
  expect(text).toMatch(/^HTTP\/1\.1 200 [^]*true/);
  socket.destroy();
});

test("headers are found by any case of their names; of one that stands twice neither is lost", async () => {
  const socket = connect(served.port, "127.0.0.1");
  socket.write(
    "GET /headers HTTP/1.1\r\nHost: x\r\nX-One:  a \r\nAuthorization: A\r\nauthorization: B\r\n__proto__: c\r\n\r\n",
  );
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  while (!text.includes(`"none":null`)) await once(socket, "data");
  expect(text).toContain('"one":"a","has":true,"none":null');
  expect(text).toContain('"authorization":"A, B"');
  socket.destroy();
});
