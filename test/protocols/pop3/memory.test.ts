import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { systemClock } from "../../../src/observe.ts";
import { dialSockets } from "../../../src/net/dial-sockets.ts";
import type { Dialog } from "../../../src/protocols/pop3/dialog.ts";
import { makeEnding } from "../../../src/net/ending.ts";
import { makeSession } from "../../../src/protocols/pop3/session.ts";
import type { Header } from "../../../src/protocols/pop3/top.ts";
import { topUntil } from "../../../src/protocols/pop3/top-until.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const MiB = 1024 * 1024;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Octets that are held in buffers and on the heap. */
async function held(): Promise<number> {
  await turn();
  collectGarbage();
  await turn();
  collectGarbage();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}

test("headers that were read and taken are not held until the row ends", async () => {
  async function* top(numbers: readonly number[]): AsyncGenerator<Header> {
    for (const number of numbers) {
      await turn();
      yield { number, header: new Uint8Array(MiB).fill(1), refused: null };
    }
  }
  const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
  const before = await held();
  const limit = { clock: systemClock, until: systemClock.now() + 60_000, isKept: false };
  let count = 0;
  let most = 0;
  for await (const { header } of topUntil({ host: "h", top }, numbers, limit)) {
    count += header?.length === MiB ? 1 : 0;
    if (count === 100) most = (await held()) - before;
  }
  expect(count).toBe(100);
  expect(most).toBeLessThan(25 * MiB);
});

test("pieces that were read from a socket of the runtime are not held until it is closed", async () => {
  const socket = {
    readable: {
      getReader: () => ({
        async read() {
          await turn();
          return { done: false, value: new Uint8Array(MiB).fill(1) };
        },
        releaseLock() {},
      }),
    },
    writable: { getWriter: () => ({ async write() {}, releaseLock() {} }) },
    opened: Promise.resolve(),
    closed: new Promise(() => {}),
    async close() {},
    startTls: () => socket,
  };
  const server = {
    host: "h",
    port: 995,
    security: "tls" as const,
    tls: { ca: null, servername: null },
  };
  const admitted = { address: "192.0.2.1", port: 995, servername: "h" };
  const connection = await dialSockets(() => socket)({ admitted, server }, new AbortController().signal);
  const before = await held();
  for (let count = 0; count < 100; count++) expect((await connection.read())?.length).toBe(MiB);
  expect((await held()) - before).toBeLessThan(25 * MiB);
  connection.destroy();
  expect(await connection.read()).toBeNull();
});

test("turns that were taken and given back leave nothing behind", async () => {
  const dialog = { dead: null, idle() {} } as unknown as Dialog;
  const session = makeSession(dialog, { told: false, has: () => false, loginDelay: null });
  const before = await held();
  for (let count = 0; count < 100_000; count++) await session.inTurn(async () => {});
  expect((await held()) - before).toBeLessThan(5 * MiB);
  expect(session.unfinished).toBeNull();
});

test("an end wakes whoever waits, now and later, and the work is left alone", async () => {
  const ending = makeEnding();
  expect(await ending.before(Promise.resolve(7))).toBe(7);
  await expect(ending.before(Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  const waits = [ending.before(new Promise(() => {})), ending.before(new Promise(() => {}))];
  ending.end();
  expect(await Promise.all(waits)).toEqual([null, null]);
  expect(await ending.before(Promise.reject(new Error("too late")))).toBeNull();
});
