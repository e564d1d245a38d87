import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serveNode, type Served } from "../../src/http/serve-node.ts";
import { type EventHouse, openEventHouse, type Tenant } from "../operations/event-house.ts";
import { type Block, blocksOf, eventFront, readBlocks } from "./event-front.ts";

let house: EventHouse;
let ours: Tenant;
let served: Served;
const sockets: Socket[] = [];
beforeEach(async () => {
  house = await openEventHouse();
  ours = await house.tenant();
  const app = eventFront(house, ours.caller);
  const fetch = (request: Request) => app.fetch(request);
  served = await serveNode({ fetch, host: "127.0.0.1", port: 0, log: { write: () => {} } });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  house.stopping.abort();
  await served.close(1000);
  await house.close();
});

const authorized = { headers: { Authorization: "Bearer pst_x" } };
const settle = (ms = 50) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !what(); tries += 1) await settle(25);
  expect(what()).toBe(true);
}

/** A connection that has asked for the stream; it is read only when it is told to be. */
async function ask(lastEventId?: string): Promise<Socket> {
  const socket = connect({ port: served.port, host: "127.0.0.1" });
  sockets.push(socket);
  socket.on("error", () => {});
  socket.pause();
  await once(socket, "connect");
  const resume = lastEventId === undefined ? "" : `Last-Event-ID: ${lastEventId}\r\n`;
  socket.write(`GET /v1/events/stream HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer pst_x\r\n${resume}\r\n`);
  return socket;
}

/** All that comes on a connection until it ends, and whether an event has come already. */
function drain(socket: Socket): { all: Promise<Block[]>; has(sequence: number): boolean } {
  let text = "";
  async function read(): Promise<Block[]> {
    for await (const chunk of socket.resume()) text += String(chunk);
    return readBlocks(text.slice(text.indexOf("\r\n\r\n") + 4)).blocks;
  }
  return { all: read(), has: (sequence) => text.slice(-60_000).includes(`"sequence":${sequence},`) };
}

const sequencesOf = (blocks: Block[]) => blocks.flatMap(({ data }) => (data === undefined ? [] : [data.sequence]));
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1);
const many = (count: number) => Array.from({ length: count }, () => "message.created" as const);
/** An event of 30 kB. */
const filler = { filler: "x".repeat(30_000) };

test("twenty readers that stall cost next to no memory, whatever they have not read", async () => {
  const from = blocksOf(await fetch(`http://127.0.0.1:${served.port}/v1/events/stream`, authorized));
  const start = (await from.next()).id;
  await from.cancel();
  for (let round = 0; round < 50; round += 1) await house.tell(ours.account, many(20), filler);
  let furthest = 0;
  const { events } = house.needs;
  house.needs.events = {
    ...events,
    list(appId, page) {
      furthest = Math.max(furthest, page.after);
      return events.list(appId, page);
    },
  };
  const before = process.memoryUsage().rss;
  await Promise.all(Array.from({ length: 20 }, () => ask(start)));
  await until(() => house.openStreams() === 20 && furthest > 0);
  for (let last = 0; furthest !== last; await settle(300)) last = furthest;
  // 30 MB wait for each of them, 600 MB in all; the sockets between hold some.
  expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  expect(furthest).toBeLessThan(500);

  await house.clock.advance(30_000);
  await until(() => house.openStreams() === 0);
  expect(house.ends.filter((why) => why === "stalled")).toHaveLength(20);
});

test("with writers at work, who reads gets everything once, and who was cut resumes where he was", async () => {
  const { account, caller } = ours;
  const writers = [account, await house.newAccount(caller.appId), await house.newAccount(caller.appId)];
  const heard = drain(await ask());
  const stalled = await ask();
  await until(() => house.openStreams() === 2);
  await Promise.all(
    writers.map(async (writer) => {
      for (let round = 0; round < 40; round += 1) await house.tell(writer, many(10), filler);
    }),
  );
  await until(() => heard.has(1200));
  await house.clock.advance(30_000);
  await until(() => house.ends.includes("stalled"));
  expect(house.openStreams()).toBe(1);
  const part = await drain(stalled).all;
  expect(part.length).toBeGreaterThan(1);
  expect(part.length).toBeLessThan(1200);

  const resumed = drain(await ask(part.findLast(({ id }) => id !== undefined)?.id));
  await until(() => house.openStreams() === 2);
  await house.tell(account, many(50));
  await until(() => heard.has(1250) && resumed.has(1250));
  house.stopping.abort();
  expect(sequencesOf(await heard.all)).toEqual(upTo(1250));
  expect([...sequencesOf(part), ...sequencesOf(await resumed.all)]).toEqual(upTo(1250));
});

test("a caller that leaves is forgotten at once", async () => {
  const quiet = await ask();
  await until(() => house.openStreams() === 1);
  quiet.destroy();
  await until(() => house.openStreams() === 0);

  const from = await ask();
  await until(() => house.openStreams() === 1);
  for (let round = 0; round < 20; round += 1) await house.tell(ours.account, many(20), filler);
  from.destroy();
  await until(() => house.openStreams() === 0);
  expect(house.ends).toEqual(["left", "left"]);
});

test("a server that stops waits for no stream, not even for one that stalls", async () => {
  const quiet = drain(await ask());
  await ask();
  await until(() => house.openStreams() === 2);
  for (let round = 0; round < 20; round += 1) await house.tell(ours.account, many(20), filler);
  await until(() => quiet.has(400));
  house.stopping.abort();
  const began = performance.now();
  await served.close(20_000);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(sequencesOf(await quiet.all)).toEqual(upTo(400));
  served = { port: 0, close: async () => {} };
});
