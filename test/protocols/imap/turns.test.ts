import { EventEmitter } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { ImapFlow } from "imapflow";
import { expect, test } from "vitest";
import { Failure } from "../../../src/errors.ts";
import { makeSession, type Session } from "../../../src/protocols/imap/session.ts";
import { createFakeClock } from "../../fake-clock.ts";
import { scriptedTarget } from "./scripted-imap.ts";

/** A session whose client does nothing. */
function session(): Session {
  const client = { capabilities: new Map(), stats: () => ({ received: 0 }), getUntaggedHandler() {}, close() {} };
  const { known } = scriptedTarget({ port: 0 });
  const discreet = (words: string): string => words;
  const options = { host: "x", clock: createFakeClock(), known, alerts: () => [], discreet };
  return makeSession(Object.assign(new EventEmitter(), client) as unknown as ImapFlow, options);
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

test("a session keeps nothing of the turns that are over", async () => {
  const busy = session();
  const before = heapUsed();
  for (let turn = 0; turn < 200_000; turn += 1) {
    const giveBack = await busy.takeTurn();
    if (turn % 10 === 0) void busy.unfinished;
    giveBack();
    if (turn % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(heapUsed() - before).toBeLessThan(10_000_000);
  expect(busy.unfinished).toBeNull();
}, 30_000);

test("turns come one after another, and all who wait hear at once that the session is dead", async () => {
  const shared = session();
  const order: number[] = [];
  const first = await shared.takeTurn();
  const second = shared.takeTurn().then((giveBack) => (order.push(2), giveBack));
  const third = shared.takeTurn().catch((error: unknown) => error);
  await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual([]);
  first();
  await second;
  const { unfinished } = shared;
  const why = new Failure("upstream-unreachable", "gone");
  shared.kill(why);
  expect(await third).toBe(why);
  await unfinished;
  await expect(shared.takeTurn()).rejects.toBe(why);
});
