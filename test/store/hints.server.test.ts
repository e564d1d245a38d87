import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/observe.ts";
import { type Hints, openHints } from "../../src/store/open-hints.ts";
import { type Postgres, startPostgres } from "../servers/postgres.ts";
import { startProxy } from "../servers/proxy.ts";

let postgres: Postgres;
let url: string;

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.database();
});
afterAll(() => postgres.stop());

type Ear = { hints: Hints; heard: string[]; connected: number; lost: string[] };

function listen(to = url): Ear {
  const ear = { heard: [] as string[], connected: 0, lost: [] as string[] };
  const listener = {
    heard: (text: string) => void ear.heard.push(text),
    connected: () => void (ear.connected += 1),
    lost: (code: string) => void ear.lost.push(code),
  };
  return Object.assign(ear, { hints: openHints(to, listener, systemClock) });
}

async function untilConnected(ear: Ear, times = 1): Promise<void> {
  await expect.poll(() => ear.connected, { timeout: 10_000, interval: 10 }).toBe(times);
}

async function connectionsNamed(name: string): Promise<number> {
  const client = new Client(url);
  await client.connect();
  const { rows } = await client.query<{ n: string }>(
    "select count(*) as n from pg_stat_activity where application_name = $1",
    [name],
  );
  await client.end();
  return Number(rows[0]?.n);
}

test("others hear what is told, who tells it does not, and other databases neither", async () => {
  const ears = [listen(), listen(), listen(await postgres.database())];
  const [one, two, elsewhere] = ears as [Ear, Ear, Ear];
  await Promise.all(ears.map((ear) => untilConnected(ear)));
  const longest = "x".repeat(one.hints.maxOctets);
  expect(await one.hints.tell("events app_1")).toBe(true);
  expect(await one.hints.tell(longest)).toBe(true);
  await expect.poll(() => two.heard).toEqual(["events app_1", longest]);
  // More than the server takes: nobody is told, and the connection is as good as before.
  expect(await one.hints.tell("x".repeat(8_000))).toBe(false);
  expect(await one.hints.tell("after")).toBe(true);
  await expect.poll(() => two.heard.at(-1)).toBe("after");
  expect([one.heard, elsewhere.heard, one.connected]).toEqual([[], [], 1]);
  await Promise.all(ears.map(({ hints }) => hints.close()));
  await expect.poll(() => connectionsNamed("postern hints")).toBe(0);
  expect([one.lost, await one.hints.tell("closed")]).toEqual([[], false]);
});

test("Postgres killed and started again: told once that it is gone, tried at ease, connected again", async () => {
  const [one, two] = [listen(), listen()];
  await Promise.all([one, two].map((ear) => untilConnected(ear)));
  await postgres.kill9();
  await expect.poll(() => one.lost.length).toBe(1);
  expect(await one.hints.tell("into the void")).toBe(false);
  await sleep(1_500);
  await postgres.restart();
  await Promise.all([one, two].map((ear) => untilConnected(ear, 2)));
  expect([one.lost.length, two.lost.length]).toEqual([1, 1]);
  expect(await one.hints.tell("again")).toBe(true);
  await expect.poll(() => two.heard).toEqual(["again"]);
  await Promise.all([one.hints.close(), two.hints.close()]);
});

test("a server that has gone mute fails what is told, and the connection is made anew", async () => {
  const proxy = await startProxy({ host: postgres.host, port: postgres.port });
  const far = listen(url.replace(`:${postgres.port}/`, `:${proxy.port}/`));
  await untilConnected(far);
  proxy.connections[0]?.goSilent();
  expect(await far.hints.tell("into the void")).toBe(false);
  await untilConnected(far, 2);
  expect([far.lost, await far.hints.tell("again")]).toEqual([["CONNECTION"], true]);
  await far.hints.close();
  await proxy.stop();
});
