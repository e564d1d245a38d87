import { expect, test } from "vitest";
import { createByteBudget } from "../../src/operations/byte-budget.ts";
import { createFakeClock } from "../fake-clock.ts";

function setup() {
  const clock = createFakeClock();
  const budget = createByteBudget(clock, { total: 100, waitMs: 1000 });
  const running = new Map<string, () => void>();
  /** Work that goes on until `running` ends it. */
  const start = (name: string, owner: string, octets: number): Promise<string> =>
    budget.spend(owner, octets, () => new Promise((resolve) => running.set(name, () => resolve(name))));
  const end = async (name: string): Promise<void> => {
    running.get(name)?.();
    running.delete(name);
    await settle();
  };
  return { clock, start, end, running: () => [...running.keys()] };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("works at once while there is room, then in the order of arrival", async () => {
  const { start, end, running } = setup();
  const all = [start("a1", "a", 50), start("b1", "b", 40), start("c1", "c", 20), start("d1", "d", 5)];
  await settle();
  expect(running()).toEqual(["a1", "b1"]);
  await end("b1");
  expect(running()).toEqual(["a1", "c1", "d1"]);
  for (const name of ["a1", "c1", "d1"]) await end(name);
  expect(await Promise.all(all)).toEqual(["a1", "b1", "c1", "d1"]);
});

test("one owner never holds more than half, and others pass him by", async () => {
  const { start, end, running } = setup();
  const all = [start("a1", "a", 50), start("a2", "a", 10), start("b1", "b", 50)];
  await settle();
  expect(running()).toEqual(["a1", "b1"]);
  await end("a1");
  expect(running()).toEqual(["b1", "a2"]);
  for (const name of ["b1", "a2"]) await end(name);
  await Promise.all(all);
});

test("who asks for more than there can be gets half; who fails gives his back", async () => {
  const clock = createFakeClock();
  const budget = createByteBudget(clock, { total: 100, waitMs: 1000 });
  for (let i = 0; i < 5; i += 1)
    await expect(budget.spend("a", 1000, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await budget.spend("a", 50, () => Promise.resolve("done"))).toBe("done");
});

test("who waits in vain is told to come back, and holds nobody up", async () => {
  const { clock, start, end, running } = setup();
  const all = [start("a1", "a", 50), start("b1", "b", 40)];
  const waiting = start("c1", "c", 30).catch((error: unknown) => error);
  await settle();
  await clock.advance(1000);
  expect(await waiting).toMatchObject({ code: "account-busy", details: { retryAfter: 5 } });
  all.push(start("d1", "d", 10));
  await settle();
  expect(running()).toEqual(["a1", "b1", "d1"]);
  for (const name of ["a1", "b1", "d1"]) await end(name);
  await Promise.all(all);
});
