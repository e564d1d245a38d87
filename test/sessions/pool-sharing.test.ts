import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Wish } from "../../src/sessions/lease.ts";
import type { Poolable } from "../../src/sessions/lease.ts";
import { createPool } from "../../src/sessions/pool.ts";
import { createFakeClock } from "../fake-clock.ts";

type Fake = { -readonly [K in keyof Poolable]: Poolable[K] } & { closed: boolean; number: number };

/** A pool on a server that lets in at most `allowed` sessions. */
function setup({ limit = 3, allowed = Infinity }: { limit?: number; allowed?: number } = {}) {
  const clock = createFakeClock();
  const opened: Fake[] = [];
  let logins = 0;
  let refusal: Failure | null = null;
  const pool = createPool<Fake>(clock, { limit, idleMs: 60_000, waitMs: 10_000 });
  const open = async (): Promise<Fake> => {
    logins += 1;
    await Promise.resolve();
    if (refusal !== null) throw refusal;
    if (opened.filter(({ closed }) => !closed).length >= allowed)
      throw new Failure("account-busy", "Too many connections.");
    const session: Fake = {
      dead: false,
      unfinished: null,
      closed: false,
      number: opened.length + 1,
      async close() {
        session.dead = true;
        await Promise.resolve();
        await Promise.resolve();
        session.closed = true;
      },
    };
    opened.push(session);
    return session;
  };
  const lend = (wish: Wish = {}) => pool.lend("acc", "1", open, wish);
  const stream = () => lend({ stream: true });
  const codeOf = (lending: Promise<unknown>) => lending.catch((error: Failure) => error.code);
  return {
    clock,
    opened,
    pool,
    lend,
    stream,
    codeOf,
    logins: () => logins,
    refuse: (failure: Failure | null) => void (refusal = failure),
    allow: (sessions: number) => void (allowed = sessions),
  };
}

const throttled = (retryAfter: number) => new Failure("upstream-throttled", "Slow down.", { retryAfter });

describe("streams", () => {
  test("share a session only where there is no other: idle first, then new, then the one with the fewest", async () => {
    const { lend, stream, opened } = setup({ limit: 2 });
    (await lend()).release();
    const first = await stream();
    const second = await stream();
    expect([first, second].map(({ session, fresh }) => [session.number, fresh])).toEqual([
      [1, false],
      [2, true],
    ]);
    const numbers = [];
    for (let n = 0; n < 4; n += 1) numbers.push((await stream()).session.number);
    expect(numbers.toSorted((a, b) => a - b)).toEqual([1, 1, 2, 2]);
    const list = await lend();
    expect(list.fresh).toBe(false);
    list.release();
    expect(opened).toHaveLength(2);
  });

  test("one who is no stream shares with no other such, and no stream joins him", async () => {
    const { lend, stream } = setup({ limit: 1 });
    await stream();
    const list = await lend();
    let others = 0;
    const waiting = [lend(), stream()].map((lending) => lending.then((lease) => ((others += 1), lease)));
    await Promise.resolve();
    expect(others).toBe(0);
    list.release();
    (await waiting[0])?.release();
    expect((await waiting[1])?.session.number).toBe(1);
  });

  test("a session comes back, is idle and is closed only after its last loan", async () => {
    const { lend, stream, clock, opened } = setup({ limit: 1 });
    const [reading, other] = [await stream(), await stream()];
    (await lend()).release();
    other.release();
    other.release();
    await clock.advance(60_000);
    expect(opened[0]?.closed).toBe(false);
    reading.release();
    await clock.advance(59_999);
    expect(opened[0]?.closed).toBe(false);
    await clock.advance(1);
    expect(opened[0]?.closed).toBe(true);
  });

  test("one discard is for all: nobody else gets it, and it is closed with its last loan", async () => {
    const { lend, stream, opened } = setup({ limit: 1 });
    const [one, other] = [await stream(), await stream()];
    one.discard();
    const next = lend();
    expect(opened[0]?.closed).toBe(false);
    other.release();
    expect((await next).session.number).toBe(2);
    expect(opened[0]?.closed).toBe(true);
  });

  test("a dead session is shared with nobody and takes no place", async () => {
    const { lend, stream } = setup({ limit: 1 });
    const reading = await stream();
    reading.session.dead = true;
    expect((await lend()).session.number).toBe(2);
    reading.release();
  });

  test("eight share one session at most; more wait, and hold up nobody else", async () => {
    const { lend, stream } = setup({ limit: 1 });
    const loans = await Promise.all(Array.from({ length: 8 }, stream));
    let ninth = 0;
    const waiting = stream().then((lease) => ((ninth = lease.session.number), lease));
    (await lend()).release();
    expect(ninth).toBe(0);
    loans[3]?.release();
    await waiting;
    expect(ninth).toBe(1);
  });
});

describe("who leaves while the server is at work", () => {
  test("keeps the session back until the work has come, then it is lent", async () => {
    const { stream, lend, opened } = setup({ limit: 1 });
    const reading = await stream();
    const work = Promise.withResolvers<void>();
    reading.session.unfinished = work.promise;
    reading.release();
    const next = lend();
    await Promise.resolve();
    reading.session.unfinished = null;
    work.resolve();
    expect((await next).session.number).toBe(1);
    expect(opened[0]?.closed).toBe(false);
  });

  test("costs the session after half a second, when nobody shares it", async () => {
    const { stream, lend, clock, opened } = setup({ limit: 1 });
    const reading = await stream();
    reading.session.unfinished = new Promise(() => {});
    reading.release();
    const next = lend();
    await clock.advance(499);
    expect(opened[0]?.closed).toBe(false);
    await clock.advance(1);
    expect((await next).session.number).toBe(2);
    expect(opened[0]?.closed).toBe(true);
  });

  test("costs the others nothing", async () => {
    const { stream, clock, opened } = setup({ limit: 1 });
    const [leaving] = [await stream(), await stream()];
    leaving.session.unfinished = new Promise(() => {});
    leaving.release();
    await clock.advance(30_000);
    expect(opened[0]?.closed).toBe(false);
  });
});

test("a new session instead of those that lay idle, which may be as dead as the one that was tried", async () => {
  const { lend, opened } = setup();
  const [first, second] = [await lend(), await lend()];
  first.release();
  second.release();
  const lease = await lend({ fresh: true });
  expect([lease.fresh, lease.session.number]).toEqual([true, 3]);
  expect(opened.map(({ closed }) => closed)).toEqual([true, true, false]);
});

describe("the server's own limit", () => {
  test("is learnt: who would have opened one more shares or waits instead, and nobody tries again for ten minutes", async () => {
    const { lend, stream, clock, logins } = setup({ allowed: 1 });
    const reading = await stream();
    (await lend()).release();
    expect(logins()).toBe(2);
    const list = await lend();
    const waiting = lend();
    list.release();
    (await waiting).release();
    expect(logins()).toBe(2);
    await clock.advance(600_000);
    (await lend()).release();
    expect(logins()).toBe(3);
    reading.release();
  });

  test("of several that are opened at once, one is let in and the others follow it", async () => {
    const { lend, logins } = setup({ allowed: 1 });
    const loans = [lend(), lend(), lend()].map((lending) => lending.then((lease) => lease.release()));
    await Promise.all(loans);
    expect(logins()).toBe(3);
  });

  test("is told where no session of ours is open", async () => {
    const { lend, codeOf } = setup({ allowed: 0 });
    expect(await codeOf(lend())).toBe("account-busy");
  });

  test("counts what is being closed", async () => {
    const { lend, clock, codeOf, logins } = setup({ allowed: 1, limit: 3 });
    const lease = await lend();
    lease.discard();
    const next = codeOf(lend());
    await clock.advance(0);
    expect(logins()).toBe(2);
    await clock.advance(200);
    expect(await next).toMatchObject({ fresh: true });
    expect(logins()).toBe(3);
  });

  test("who waits for a session gives up in time", async () => {
    const { lend, clock, codeOf } = setup({ allowed: 1 });
    await lend();
    const late = codeOf(lend());
    await clock.advance(0);
    await clock.advance(10_000);
    expect(await late).toBe("account-busy");
  });
});

describe("a server that asks to be left alone", () => {
  test("is not logged in to for as long as it said", async () => {
    const { lend, clock, codeOf, refuse, logins } = setup();
    refuse(throttled(30));
    expect(await codeOf(lend())).toBe("upstream-throttled");
    refuse(null);
    await clock.advance(10_500);
    const failure = await lend().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "upstream-throttled", details: { retryAfter: 20 } });
    expect(logins()).toBe(1);
    await clock.advance(19_500);
    expect((await lend()).fresh).toBe(true);
  });

  test("is still asked over the sessions that are open", async () => {
    const { lend, stream, pool, logins, codeOf } = setup();
    const reading = await stream();
    pool.pause("acc", throttled(30));
    (await lend()).release();
    (await lend({ fresh: true })).release();
    expect(logins()).toBe(1);
    reading.session.dead = true;
    expect(await codeOf(lend())).toBe("upstream-throttled");
  });

  test("is forgotten with the account, and left alone for an hour at most", async () => {
    const { lend, pool, clock } = setup();
    pool.pause("acc", throttled(1e9));
    await clock.advance(3_600_000);
    (await lend()).discard();
    pool.pause("acc", throttled(30));
    pool.drop("acc");
    expect((await lend()).fresh).toBe(true);
  });
});
