import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import { lending } from "../../src/operations/lent-stream.ts";
import { reading, writing } from "../../src/operations/with-mailbox.ts";
import type { MailboxLease } from "../../src/sessions/lend-mailbox.ts";
import type { Wish } from "../../src/sessions/pool.ts";
import { accountRow } from "../store/rows.ts";

type Fake = { dead: boolean };

const unreachable = new Failure("upstream-unreachable", "The connection was lost.");
const account = accountRow();
const staying = new AbortController().signal;

/** Lends sessions in turn, each opened for its loan or not. */
function setup(...fresh: boolean[]) {
  const wishes: Wish[] = [];
  const ends: string[] = [];
  const lend = async (_: unknown, wish: Wish = {}): Promise<MailboxLease> => {
    const isFresh = fresh[wishes.length];
    if (isFresh === undefined) throw new Error("lent too often");
    wishes.push(wish);
    const end = (how: string) => () => void ends.push(how);
    return {
      session: { dead: false } as unknown as Mailbox,
      fresh: isFresh,
      release: end("released"),
      discard: end("discarded"),
      failed: (error) => void ends.push((error as Failure).code),
    };
  };
  return { needs: { mailboxes: { lend } }, wishes, ends };
}

/** Work during which the connection turns out to be lost, each time. */
const losing = async (mailbox: Mailbox): Promise<never> => {
  (mailbox as unknown as Fake).dead = true;
  throw unreachable;
};

test("a read on a session that had died in the pool is repeated once, on a new one", async () => {
  const { needs, wishes, ends } = setup(false, true);
  let tries = 0;
  const read = (mailbox: Mailbox) => ((tries += 1) === 1 ? losing(mailbox) : Promise.resolve("read"));
  expect(await reading(needs, account, read)).toBe("read");
  expect(wishes.map((wish) => wish.fresh ?? false)).toEqual([false, true]);
  expect(ends).toEqual(["upstream-unreachable", "released", "released"]);
});

test("a read is not repeated when its session was new, nor a second time, nor for another failure", async () => {
  const fresh = setup(true);
  await expect(reading(fresh.needs, account, losing)).rejects.toBe(unreachable);
  const twice = setup(false, false);
  await expect(reading(twice.needs, account, losing)).rejects.toBe(unreachable);
  expect(twice.wishes).toHaveLength(2);
  const alive = setup(false);
  await expect(reading(alive.needs, account, () => Promise.reject(unreachable))).rejects.toBe(unreachable);
  const other = setup(false);
  const late = async (mailbox: Mailbox): Promise<never> => {
    (mailbox as unknown as Fake).dead = true;
    throw new Failure("upstream-timeout", "The server did not answer.");
  };
  await expect(reading(other.needs, account, late)).rejects.toMatchObject({ code: "upstream-timeout" });
});

test("a read that ended a new session by an answer that can't be read is repeated once", async () => {
  const { needs, wishes } = setup(true, true);
  const unread = new Failure("upstream-protocol-error", "The answer can't be read.");
  const dying = async (mailbox: Mailbox): Promise<never> => {
    (mailbox as unknown as Fake).dead = true;
    throw unread;
  };
  let tries = 0;
  const read = (mailbox: Mailbox) => ((tries += 1) === 1 ? dying(mailbox) : Promise.resolve("read"));
  expect(await reading(needs, account, read)).toBe("read");
  await expect(reading(setup(true, true).needs, account, dying)).rejects.toBe(unread);
  const alive = setup(true);
  await expect(reading(alive.needs, account, () => Promise.reject(unread))).rejects.toBe(unread);
  expect([wishes.length, alive.wishes.length]).toEqual([2, 1]);
});

test("a write is never repeated", async () => {
  const { needs, ends } = setup(false);
  await expect(writing(needs, account, losing)).rejects.toBe(unreachable);
  expect(ends).toEqual(["upstream-unreachable", "released"]);
});

async function* octets(...chunks: (number | Failure)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Failure) throw chunk;
    yield new Uint8Array(chunk);
  }
}

test("opening a stream is a read, and reading from it is none", async () => {
  const { needs, wishes, ends } = setup(false, true);
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
  const read = setup(true);
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
  const left = setup(true);
  const unread = await lending(left.needs, account, async () => ({ about: {}, content: octets(1) }), staying);
  await unread.stream?.return?.();
  expect(left.ends).toEqual(["released"]);
  for (const content of [null, new Uint8Array(3)]) {
    const known = setup(true);
    const { stream } = await lending(known.needs, account, async () => ({ about: {}, content }), staying);
    expect(known.ends).toEqual(["released"]);
    expect(stream === null ? null : (await stream.next()).value).toEqual(content);
  }
});

test("a caller who leaves before the first octet ends the loan at once, whatever the server still does", async () => {
  const never = new Promise<never>(() => {});
  const gone = { code: "request-timeout" };

  const opening = setup(true);
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

  const reading = setup(true);
  const leaving = new AbortController();
  let returned = 0;
  const silent = {
    [Symbol.asyncIterator]: () => ({
      next: () => never,
      return: async () => ((returned += 1), { done: true as const, value: undefined }),
    }),
  };
  const open = async () => ({ about: {}, content: silent });
  const { stream } = await lending(reading.needs, account, open, leaving.signal);
  const first = stream?.next();
  leaving.abort();
  await expect(first).rejects.toMatchObject(gone);
  expect([reading.ends, returned]).toEqual([["request-timeout", "released"], 1]);

  const before = setup(true);
  await expect(lending(before.needs, account, () => never, leaving.signal)).rejects.toMatchObject(gone);
  expect(before.ends).toEqual(["request-timeout", "released"]);
});
