import { afterAll, beforeAll, expect, test } from "vitest";
import { databaseClock } from "../../src/store/database-clock.ts";
import { createStore } from "../../src/store/create-store.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import { startPostgres } from "../servers/postgres.ts";
import { fleetContract } from "./contract-fleet.ts";

const opened = Promise.withResolvers<Awaited<ReturnType<typeof open>>>();

async function open() {
  const server = await startPostgres();
  const url = await server.database();
  const handle = await openPostgres(url);
  return { server, url, handle, store: createStore(handle) };
}

beforeAll(async () => opened.resolve(await open()));
afterAll(async () => {
  const { handle, server } = await opened.promise;
  await handle.close();
  await server.stop();
});

fleetContract("Postgres", () => opened.promise);

test("processes on one Postgres agree on the time to within a round trip", async () => {
  const { store, url } = await opened.promise;
  const other = createStore(await openPostgres(url));
  const clocks = [store, other].map(({ now }) => {
    if (now === null) throw new Error("no time");
    return databaseClock(now);
  });
  for (const clock of [...clocks, ...clocks]) await clock.measure();
  const [a = 0, b = 0] = clocks.map((clock) => clock.now());
  expect(Math.abs(a - b)).toBeLessThan(20);
  expect(Math.abs(a - Date.now())).toBeLessThan(50);
  await other.close();
});
