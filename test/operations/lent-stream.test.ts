import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import { lending } from "../../src/operations/lent-stream.ts";
import { account, losing, makeLoans, staying, unreachable } from "./loans.ts";

async function* octets(...chunks: (number | Failure)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Failure) throw chunk;
    yield new Uint8Array(chunk);
  }
}

test("opening a stream is a read, and reading from it is none", async () => {
  const { needs, wishes, ends } = makeLoans(false, true);
  let tries = 0;
  const open = async (mailbox: Mailbox) => {
    tries += 1;
    if (tries === 1) await losing(mailbox);
    return { about: { size: 2 }, content: octets(1, unreachable) };
  };
  const { size, stream } = await lending(needs, account, open, staying);
  expect([size, wishes.every((wish) => wish.stream)]).toEqual([2, true]);
  expect((await stream?.next())?.value).toHaveLength(1);
  await expect(stream?.next()).rejects.toBe(unreachable);
  expect(ends.slice(2)).toEqual(["upstream-unreachable", "released"]);
});

test("a stream's loan ends with it: read, returned before its first octet, or with nothing left to be read", async () => {
  const read = makeLoans(true);
  const whole = await lending(read.needs, account, async () => ({ about: {}, content: octets(1, 2) }), staying);
  const seen = [];
  for await (const chunk of whole.stream ?? []) seen.push([chunk.length, read.ends.length]);
  expect([seen, read.ends]).toEqual([
    [
      [1, 0],
      [2, 0],
    ],
    ["released"],
  ]);
  const left = makeLoans(true);
  const unread = await lending(left.needs, account, async () => ({ about: {}, content: octets(1) }), staying);
  await unread.stream?.return?.();
  expect(left.ends).toEqual(["released"]);
  for (const content of [null, new Uint8Array(3)]) {
    const known = makeLoans(true);
    const { stream } = await lending(known.needs, account, async () => ({ about: {}, content }), staying);
    expect(known.ends).toEqual(["released"]);
    expect(stream === null ? null : (await stream.next()).value).toEqual(content);
  }
});

test("a caller who leaves before the first octet ends the loan at once, whatever the server still does", async () => {
  const never = new Promise<never>(() => {});
  const gone = { code: "request-timeout" };

  const opening = makeLoans(true);
  const left = new AbortController();
  const late = Promise.withResolvers<{ about: object; content: AsyncGenerator<Uint8Array> }>();
  const waiting = lending(opening.needs, account, () => late.promise, left.signal);
  await Promise.resolve();
  left.abort();
  await expect(waiting).rejects.toMatchObject(gone);
  expect(opening.ends).toEqual(["request-timeout", "released"]);
  const content = octets(1);
  late.resolve({ about: {}, content });
  await new Promise((resolve) => setImmediate(resolve));
  expect(await content.next()).toEqual({ done: true, value: undefined });

  const begun = makeLoans(true);
  const leaving = new AbortController();
  let returned = 0;
  const silent = {
    [Symbol.asyncIterator]: () => ({
      next: () => never,
      return: async () => ((returned += 1), { done: true as const, value: undefined }),
    }),
  };
  const open = async () => ({ about: {}, content: silent });
  const { stream } = await lending(begun.needs, account, open, leaving.signal);
  const first = stream?.next();
  leaving.abort();
  await expect(first).rejects.toMatchObject(gone);
  expect([begun.ends, returned]).toEqual([["request-timeout", "released"], 1]);

  const before = makeLoans(true);
  await expect(lending(before.needs, account, () => never, leaving.signal)).rejects.toMatchObject(gone);
  expect(before.ends).toEqual(["request-timeout", "released"]);
});

/** One piece, and then another for each time that it is asked. */
function endless() {
  const state = { given: 0, returned: 0 };
  const content: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: async () => ({ done: false, value: new Uint8Array((state.given += 1)) }),
    return: async () => ((state.returned += 1), { done: true, value: undefined }),
  };
  return { state, content };
}

test("a stream that nobody reads from is given up after as long as the loan allows, and then fails", async () => {
  const { needs, clock, ends } = makeLoans(true);
  const { state, content } = endless();
  const { stream } = await lending(needs, account, async () => ({ about: {}, content }), staying);
  // However long it takes as a whole.
  for (let n = 0; n < 10; n++) {
    expect((await stream?.next())?.done).toBe(false);
    for (let second = 0; second < 29; second++) await clock.advance(1_000);
  }
  expect([ends, state.returned]).toEqual([[], 0]);
  for (let second = 0; second < 2; second++) await clock.advance(1_000);
  expect([ends, state.returned]).toEqual([["released"], 1]);
  const failed = { code: "request-timeout", message: expect.stringContaining("30 seconds") };
  expect(stream?.failed?.reason).toMatchObject(failed);
  await expect(stream?.next()).rejects.toMatchObject(failed);
  await expect(stream?.next()).rejects.toMatchObject(failed);
  expect([ends, state.given]).toEqual([["released"], 10]);
});

test("the time in which the server is waited for is no pause", async () => {
  const { needs, clock, ends } = makeLoans(true);
  const late = Promise.withResolvers<IteratorResult<Uint8Array>>();
  const content = { [Symbol.asyncIterator]: () => ({ next: () => late.promise }) };
  const { stream } = await lending(needs, account, async () => ({ about: {}, content }), staying);
  const next = stream?.next();
  for (let second = 0; second < 100; second++) await clock.advance(1_000);
  expect(ends).toEqual([]);
  late.resolve({ done: false, value: new Uint8Array(7) });
  expect((await next)?.value).toHaveLength(7);
});

test("a session that dies while nobody reads ends the loan, and the stream fails as the session did", async () => {
  const { needs, clock, ends, sessions } = makeLoans(true);
  const { stream } = await lending(
    needs,
    account,
    async () => ({ about: {}, content: octets(1, unreachable) }),
    staying,
  );
  expect((await stream?.next())?.done).toBe(false);
  for (const session of sessions) session.dead = true;
  await clock.advance(1_000);
  expect(ends).toEqual(["released"]);
  for (let second = 0; second < 10; second++) await clock.advance(1_000);
  await expect(stream?.next()).rejects.toBe(unreachable);
});

test("nothing looks after a stream that is over", async () => {
  const { needs, clock } = makeLoans(true, true);
  let sleeping = 0;
  const counting = {
    ...needs,
    clock: {
      ...clock,
      sleep: (ms: number, signal?: AbortSignal) => (sleeping++, clock.sleep(ms, signal).finally(() => sleeping--)),
    },
  };
  const open = async () => ({ about: {}, content: octets(1) });
  const read = await lending(counting, account, open, staying);
  expect(sleeping).toBe(1);
  for await (const _ of read.stream ?? []);
  const left = await lending(counting, account, open, staying);
  await left.stream?.return?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(sleeping).toBe(0);
});
