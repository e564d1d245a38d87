import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import { reading, writing } from "../../src/operations/with-mailbox.ts";
import { account, losing, makeLoans, staying, unreachable } from "./loans.ts";

test("a read on a session that had died in the pool is repeated once, on a new one", async () => {
  const { needs, wishes, ends } = makeLoans(false, true);
  let tries = 0;
  const read = (mailbox: Mailbox) => ((tries += 1) === 1 ? losing(mailbox) : Promise.resolve("read"));
  expect(await reading(needs, account, read, staying)).toBe("read");
  expect(wishes.map((wish) => wish.fresh ?? false)).toEqual([false, true]);
  expect(ends).toEqual(["upstream-unreachable", "released", "released"]);
});

test("a read is not repeated when its session was new, nor a second time, nor for another failure", async () => {
  const fresh = makeLoans(true);
  await expect(reading(fresh.needs, account, losing, staying)).rejects.toBe(unreachable);
  const twice = makeLoans(false, false);
  await expect(reading(twice.needs, account, losing, staying)).rejects.toBe(unreachable);
  expect(twice.wishes).toHaveLength(2);
  const alive = makeLoans(false);
  await expect(reading(alive.needs, account, () => Promise.reject(unreachable), staying)).rejects.toBe(unreachable);
  const other = makeLoans(false);
  const late = async (mailbox: Mailbox): Promise<never> => {
    (mailbox as unknown as { dead: boolean }).dead = true;
    throw new Failure("upstream-timeout", "The server did not answer.");
  };
  await expect(reading(other.needs, account, late, staying)).rejects.toMatchObject({ code: "upstream-timeout" });
});

test("a read that ended a new session by an answer that can't be read is repeated once", async () => {
  const { needs, wishes } = makeLoans(true, true);
  const unread = new Failure("upstream-protocol-error", "The answer can't be read.");
  const dying = async (mailbox: Mailbox): Promise<never> => {
    (mailbox as unknown as { dead: boolean }).dead = true;
    throw unread;
  };
  let tries = 0;
  const read = (mailbox: Mailbox) => ((tries += 1) === 1 ? dying(mailbox) : Promise.resolve("read"));
  expect(await reading(needs, account, read, staying)).toBe("read");
  await expect(reading(makeLoans(true, true).needs, account, dying, staying)).rejects.toBe(unread);
  const alive = makeLoans(true);
  await expect(reading(alive.needs, account, () => Promise.reject(unread), staying)).rejects.toBe(unread);
  expect([wishes.length, alive.wishes.length]).toEqual([2, 1]);
});

test("a write is never repeated", async () => {
  const { needs, ends } = makeLoans(false);
  await expect(writing(needs, account, losing, staying)).rejects.toBe(unreachable);
  expect(ends).toEqual(["upstream-unreachable", "released"]);
});

test("a caller who leaves in the middle of a read waits no longer, and the loan is told so at once", async () => {
  const { needs, ends } = makeLoans(false);
  const left = new AbortController();
  const asked = reading(needs, account, () => new Promise<never>(() => {}), left.signal);
  await Promise.resolve();
  left.abort();
  await expect(asked).rejects.toMatchObject({ code: "request-timeout" });
  expect(ends).toEqual(["request-timeout", "left"]);
});

test("a caller who has left before the loan gets nothing read and nothing written", async () => {
  for (const run of [reading, writing]) {
    const { needs, ends } = makeLoans(false);
    const left = new AbortController();
    let begun = 0;
    const asked = run(needs, account, async () => void (begun += 1), left.signal);
    left.abort();
    await expect(asked).rejects.toMatchObject({ code: "request-timeout" });
    expect([begun, ends.length]).toEqual([0, 2]);
  }
});

test("a write that was begun is done to its end, whoever leaves", async () => {
  const { needs, ends } = makeLoans(false);
  const left = new AbortController();
  const work = Promise.withResolvers<string>();
  const asked = writing(needs, account, () => work.promise, left.signal);
  await new Promise((resolve) => setImmediate(resolve));
  left.abort();
  expect(ends).toEqual([]);
  work.resolve("written");
  expect(await asked).toBe("written");
  expect(ends).toEqual(["released"]);
});

test("every loan is asked for as long as there is a caller", async () => {
  const { needs, wishes } = makeLoans(false, true, false);
  const { signal } = new AbortController();
  await expect(reading(needs, account, losing, signal)).rejects.toBe(unreachable);
  await writing(needs, account, async () => {}, signal);
  expect(wishes.map((wish) => wish.signal === signal)).toEqual([true, true, true]);
});
