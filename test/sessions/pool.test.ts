import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Poolable } from "../../src/sessions/lease.ts";
import { createPool } from "../../src/sessions/pool.ts";
import { createFakeClock } from "../fake-clock.ts";

type Fake = Poolable & { dead: boolean; unfinished: Promise<unknown> | null; closed: boolean; number: number };

function setup(limit = 2, fleet = { live: () => 1 }) {
  const clock = createFakeClock();
  const opened: Fake[] = [];
  const pool = createPool<Fake>(clock, { limit, idleMs: 60_000, waitMs: 10_000 }, fleet);
  const open = async (): Promise<Fake> => {
    const session: Fake = {
      dead: false,
      unfinished: null,
      closed: false,
      number: opened.length + 1,
      async close() {
        session.closed = true;
        session.dead = true;
      },
    };
    opened.push(session);
    return session;
  };
  return { clock, opened, pool, open, lend: (version = "1") => pool.lend("acc", version, open) };
}

describe("a pool", () => {
  test("lends a session again that was given back", async () => {
    const { lend, opened } = setup();
    (await lend()).release();
    const lease = await lend();
    expect(lease.fresh).toBe(false);
    expect(opened).toHaveLength(1);
  });

  test("lends none again that was open when it was renewed, and forgets nothing else", async () => {
    const { lend, pool, opened } = setup(2);
    const [lent, idle] = [await lend(), await lend()];
    idle.release();
    await pool.renew("acc");
    expect(opened.map(({ closed }) => closed)).toEqual([false, true]);
    lent.release();
    expect(opened.map(({ closed }) => closed)).toEqual([true, true]);
    expect((await lend()).fresh).toBe(true);
    await pool.renew("nobody");
  });

  test("opens no more than its limit, and serves who waits in order", async () => {
    const { lend, opened } = setup(2);
    const [first, second] = [await lend(), await lend()];
    const order: string[] = [];
    const third = lend().then((lease) => (order.push("third"), lease));
    const fourth = lend().then((lease) => (order.push("fourth"), lease));
    first.release();
    second.release();
    (await third).release();
    await fourth;
    expect(order).toEqual(["third", "fourth"]);
    expect(opened).toHaveLength(2);
  });

  test("opens its part of the limit where there are other processes, and keeps no more when they come", async () => {
    let live = 1;
    const { lend, opened } = setup(3, { live: () => live });
    const leases = [await lend(), await lend(), await lend()];
    live = 2;
    for (const lease of leases) lease.release();
    expect(opened.map(({ closed }) => closed)).toEqual([true, true, false]);
    const again = await lend();
    expect(again.fresh).toBe(false);
    let isServed = false;
    const more = lend().then((lease) => ((isServed = true), lease));
    await Promise.resolve();
    expect(isServed).toBe(false);
    again.release();
    (await more).release();
    // Each has one at least.
    live = 7;
    expect((await lend()).fresh).toBe(false);
    expect(opened).toHaveLength(3);
    live = 1;
    expect((await lend()).fresh).toBe(true);
  });

  test("tells who waited too long that the account is busy, and goes on", async () => {
    const { lend, clock } = setup(1);
    const lease = await lend();
    const late = lend().catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await late).toMatchObject({ code: "account-busy", details: { retryAfter: 5 } });
    lease.release();
    expect((await lend()).fresh).toBe(false);
  });

  test("closes what lay idle for its time, and not earlier", async () => {
    const { lend, clock, opened } = setup();
    (await lend()).release();
    await clock.advance(59_999);
    expect(opened[0]?.closed).toBe(false);
    await clock.advance(1);
    expect(opened[0]?.closed).toBe(true);
  });

  test("does not lend the dead, nor what was opened under another version", async () => {
    const { lend, opened } = setup();
    (await lend("1")).release();
    expect((await lend("2")).session.number).toBe(2);
    expect(opened[0]?.closed).toBe(true);
    const lease = await lend("2");
    lease.session.dead = true;
    lease.release();
    expect(lease.session.closed).toBe(true);
  });

  test("a loan ends once, whatever is called after", async () => {
    const { lend } = setup(1);
    const lease = await lend();
    lease.release();
    lease.release();
    lease.discard();
    const next = await lend();
    expect(next.session.closed).toBe(false);
    const blocked = lend();
    next.discard();
    expect((await blocked).session.number).toBe(2);
  });

  test("a failure to open frees its place for the next", async () => {
    const { pool, open } = setup(1);
    await expect(pool.lend("acc", "1", () => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
    expect((await pool.lend("acc", "1", open)).fresh).toBe(true);
  });

  test("a dropped key closes idle sessions now and lent ones when they come back", async () => {
    const { lend, pool, opened } = setup(2);
    const [kept, idle] = [await lend(), await lend()];
    idle.release();
    pool.drop("acc");
    expect(opened.map(({ closed }) => closed)).toEqual([false, true]);
    kept.release();
    expect(opened[0]?.closed).toBe(true);
    expect((await lend()).session.number).toBe(3);
  });

  test("a key that is forgiven lends as before, to who waits as well, and opens again what it was told not to", async () => {
    const { lend, pool, opened } = setup(2);
    const first = await lend();
    pool.pause("acc", new Failure("upstream-throttled", "Too many.", { retryAfter: 600 }));
    const waiting = lend();
    pool.forgive("acc");
    expect((await waiting).session.number).toBe(2);
    first.release();
    expect(opened.map(({ closed }) => closed)).toEqual([false, false]);
  });

  test("a dropped key's sessions count until they are closed, and who waits opens none as it was before", async () => {
    const { lend, pool, opened } = setup(1);
    const old = await lend("old");
    const waiting = lend("old").catch((error: unknown) => error);
    pool.drop("acc");
    expect(await waiting).toMatchObject({ code: "account-busy", details: { retryAfter: 1 } });
    const next = lend("new");
    await Promise.resolve();
    expect(opened).toHaveLength(1);
    old.release();
    expect((await next).session.number).toBe(2);
    expect(opened.map(({ closed }) => closed)).toEqual([true, false]);
  });

  test("what was being opened when its key was dropped counts, is lent to nobody else, and is not tried again", async () => {
    const { pool, open, opened } = setup(1);
    const late = Promise.withResolvers<Fake>();
    const first = pool.lend("acc", "1", () => late.promise);
    pool.drop("acc");
    const second = pool.lend("acc", "1", open);
    await Promise.resolve();
    expect(opened).toHaveLength(0);
    const session = await open();
    late.resolve(session);
    (await first).release();
    expect([session.closed, (await second).session.number]).toEqual([true, 2]);

    const limited = setup(2);
    await limited.lend();
    const failing = Promise.withResolvers<Fake>();
    let tries = 0;
    const refused = limited.pool
      .lend("acc", "1", () => ((tries += 1), failing.promise))
      .catch((error: unknown) => error);
    limited.pool.drop("acc");
    failing.reject(new Failure("account-busy", "The server allows no more."));
    expect([await refused, tries]).toEqual([expect.objectContaining({ code: "account-busy" }), 1]);
  });
});

describe("a caller who leaves", () => {
  const gone = { code: "request-timeout" };

  test("while it waits is told at once, and nobody waits behind it any more", async () => {
    const { pool, open, opened, lend } = setup(1);
    const first = await lend();
    const left = new AbortController();
    const second = pool.lend("acc", "1", open, { signal: left.signal });
    const third = lend();
    left.abort();
    await expect(second).rejects.toMatchObject(gone);
    expect(getEventListeners(left.signal, "abort")).toEqual([]);
    first.release();
    expect((await third).session.number).toBe(1);
    expect(opened).toHaveLength(1);
  });

  test("while a session is opened for it is told at once, and others get what was opened", async () => {
    const { pool, open, opened, lend } = setup(1);
    const late = Promise.withResolvers<void>();
    const slowly = () => late.promise.then(open);
    const left = new AbortController();
    const first = pool.lend("acc", "1", slowly, { signal: left.signal });
    const second = lend();
    left.abort();
    await expect(first).rejects.toMatchObject(gone);
    late.resolve();
    expect((await second).fresh).toBe(false);
    expect(opened).toHaveLength(1);
  });

  test("before it asks gets none", async () => {
    const { pool, open, opened } = setup(1);
    await expect(pool.lend("acc", "1", open, { signal: AbortSignal.abort() })).rejects.toMatchObject(gone);
    expect(opened).toHaveLength(0);
  });

  test("after its loan began keeps it, and nothing listens any more", async () => {
    const { pool, open, opened } = setup(1);
    const left = new AbortController();
    const lease = await pool.lend("acc", "1", open, { signal: left.signal });
    expect(getEventListeners(left.signal, "abort")).toEqual([]);
    left.abort();
    expect(opened[0]?.closed).toBe(false);
    lease.release();
    expect((await pool.lend("acc", "1", open)).fresh).toBe(false);
  });
});
