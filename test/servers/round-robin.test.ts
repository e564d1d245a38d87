import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";

import { freePort, loopback } from "./ports.ts";
import { startRoundRobin } from "./round-robin.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function target(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, loopback);
  await once(server, "listening");
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `http://${loopback}:${(server.address() as AddressInfo).port}`;
}

async function front(...targets: string[]): Promise<string> {
  const started = await startRoundRobin(() => targets);
  ends.unshift(() => started.stop());
  return started.url;
}

const named =
  (name: string): RequestListener =>
  (request, response) => {
    request.pipe(response.setHeader("X-By", [name, request.method, request.url, request.headers["x-a"]].join(" ")));
  };

test("goes round, passes both bodies on, and passes over who is not there", async () => {
  const url = await front(await target(named("a")), `http://${loopback}:${await freePort()}`, await target(named("b")));
  const by = [];
  for (let nth = 0; nth < 6; nth += 1) {
    const body = `body ${nth}`.repeat(20_000);
    const answer = await fetch(`${url}/p?q=${nth}`, { method: "POST", body, headers: { "X-A": "1" } });
    expect(await answer.text()).toBe(body);
    by.push(answer.headers.get("x-by"));
  }
  expect(by.filter((one) => one?.startsWith("a POST /p?q=")).length).toBe(2);
  expect(by.filter((one) => one?.startsWith("b POST /p?q=")).length).toBe(4);
  expect(by[5]).toMatch(/^[ab] POST \/p\?q=5 1$/);
  expect((await fetch(url, { method: "HEAD" })).headers.get("x-by")).toMatch(/HEAD \/$/);
});

test("a request that was sent is sent to nobody else", async () => {
  let asked = 0;
  const breaks = await target((request) => {
    asked += 1;
    request.socket.destroy();
  });
  const url = await front(breaks, breaks, `http://${loopback}:${await freePort()}`);
  for (let nth = 0; nth < 3; nth += 1) expect((await fetch(url, { method: "POST", body: "x" })).status).toBe(502);
  expect(asked).toBe(3);
  expect((await fetch(await front(`http://${loopback}:${await freePort()}`))).status).toBe(502);
  expect((await fetch(await front())).status).toBe(502);
});

test("an answer that grows comes as it grows, ends when the reader leaves and breaks when the target breaks", async () => {
  const left = Promise.withResolvers<void>();
  const url = await front(
    await target((request, response) => {
      response.write("first");
      response.once("close", () => left.resolve());
      if (request.url === "/break") setTimeout(() => response.destroy(), 50);
    }),
  );
  const leave = new AbortController();
  const answer = await fetch(url, { signal: leave.signal });
  const { value } = (await answer.body?.getReader().read()) ?? {};
  expect(Buffer.from(value ?? []).toString()).toBe("first");
  leave.abort();
  await left.promise;
  await expect(fetch(`${url}/break`).then((broken) => broken.text())).rejects.toThrow("terminated");
});
