import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import type { Faults } from "./proxy-pump.ts";
import { type Proxy, startProxy } from "./proxy.ts";

let echo: Server;
let port: number;

beforeAll(async () => {
  echo = createServer((socket) => void socket.on("error", () => {}).pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  port = (echo.address() as AddressInfo).port;
});

afterAll(() => void echo.close());

async function proxied(faults: Faults = {}): Promise<{ proxy: Proxy; socket: Socket; seen: () => number }> {
  const proxy = await startProxy({ port, faults: () => faults });
  onTestFinished(() => proxy.stop());
  const socket = connect(proxy.port, proxy.host);
  let seen = 0;
  socket.on("data", (chunk) => (seen += chunk.length)).on("error", () => {});
  await new Promise((resolve) => void socket.once("connect", resolve).once("close", resolve));
  return { proxy, socket, seen: () => seen };
}

/** Unlike `once`, does not mind an error before it. */
const closed = (socket: Socket): Promise<unknown> => new Promise((resolve) => void socket.once("close", resolve));

async function until(condition: () => boolean, withinMs = 2000): Promise<void> {
  for (const deadline = Date.now() + withinMs; !condition(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${String(condition)}`);
  }
}

test("passes everything on, in order to the end, and counts it", async () => {
  const { proxy, socket, seen } = await proxied();
  socket.end(Buffer.alloc(3_000_000));
  await closed(socket);
  expect(seen()).toBe(3_000_000);
  expect(proxy.bytes("toServer")).toBe(3_000_000);
  expect(proxy.bytes("toClient")).toBe(3_000_000);
  expect(proxy.connections).toHaveLength(1);
  expect(proxy.connections[0]?.open).toBe(false);
});

test("delays without narrowing", async () => {
  const { socket, seen } = await proxied({ delayMs: 100 });
  const began = performance.now();
  for (let number = 0; number < 10; number++) {
    socket.write("x");
    await sleep(5);
  }
  await until(() => seen() === 10);
  expect(performance.now() - began).toBeGreaterThan(140);
  expect(performance.now() - began).toBeLessThan(600);
});

test("throttles", async () => {
  const { socket, seen } = await proxied({ bytesPerSecond: 100_000 });
  const began = performance.now();
  socket.write(Buffer.alloc(30_000));
  await until(() => seen() === 30_000);
  expect(performance.now() - began).toBeGreaterThan(240);
});

test("cuts in order after some bytes", async () => {
  const { socket, seen } = await proxied({ cutAfter: { direction: "toClient", bytes: 10, how: "end" } });
  socket.write("0123456789abcdef");
  await once(socket, "end");
  expect(seen()).toBe(10);
});

test("resets after some bytes", async () => {
  const { proxy, socket } = await proxied({ cutAfter: { direction: "toServer", bytes: 10, how: "reset" } });
  socket.write("0123456789abcdef");
  await closed(socket);
  expect(socket.errored).toMatchObject({ code: "ECONNRESET" });
  expect(proxy.connections[0]?.open).toBe(false);
});

test("refuses", async () => {
  const { socket } = await proxied({ refuse: true });
  if (!socket.closed) await closed(socket);
  expect(socket.errored).toMatchObject({ code: "ECONNRESET" });
});

test("falls silent without a word to either side", async () => {
  const { proxy, socket, seen } = await proxied({ silentAfter: { direction: "toClient", bytes: 4 } });
  socket.write("0123456789");
  await until(() => seen() === 4);
  socket.write("more");
  await until(() => proxy.bytes("toServer") === 14);
  await sleep(50);
  expect(seen()).toBe(4);
  expect(socket.closed).toBe(false);
  expect(proxy.connections[0]?.open).toBe(true);
});

test("falls silent, ends and resets on demand, each connection for itself", async () => {
  const { proxy, socket: silent, seen } = await proxied();
  const ended = connect(proxy.port, proxy.host).resume();
  await once(ended, "connect");
  const reset = connect(proxy.port, proxy.host).on("error", () => {});
  await once(reset, "connect");
  await until(() => proxy.connections.length === 3);
  proxy.connections[0]?.goSilent();
  proxy.connections[1]?.end();
  proxy.connections[2]?.reset();
  await closed(ended);
  if (!reset.closed) await closed(reset);
  expect(reset.errored).toMatchObject({ code: "ECONNRESET" });
  silent.write("unheard");
  await until(() => proxy.bytes("toServer") === 7);
  expect(seen()).toBe(0);
});

test("breaks a client's connection off when the server is not there", async () => {
  const proxy = await startProxy({ port: 1 });
  onTestFinished(() => proxy.stop());
  const socket = connect(proxy.port, proxy.host).on("error", () => {});
  await closed(socket);
  expect(socket.errored).toMatchObject({ code: "ECONNRESET" });
});

test("takes new faults for the connections to come", async () => {
  const { proxy, socket, seen } = await proxied();
  proxy.setFaults((connection) => ({ refuse: connection === 1 }));
  const second = connect(proxy.port, proxy.host).on("error", () => {});
  await closed(second);
  socket.write("still here");
  await until(() => seen() === 10);
  expect(proxy.connections).toHaveLength(2);
});
