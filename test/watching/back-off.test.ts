import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Log } from "../../src/observe.ts";
import { createLoginPace } from "../../src/sessions/login-pace.ts";
import { createAlertsTold } from "../../src/watching/alerts-told.ts";
import { watchAccount, type WatchNeeds } from "../../src/watching/watch-account.ts";
import { accountRow } from "../store/rows.ts";

/** Time that passes as soon as everybody waits. */
function ownTime() {
  let now = 1_790_000_000_000;
  const sleeping = new Set<{ at: number; wake: () => void }>();
  return {
    now: () => now,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        const wake = (): void => {
          sleeping.delete(one);
          resolve();
        };
        const one = { at: now + ms, wake };
        if (signal?.aborted === true) return resolve();
        sleeping.add(one);
        signal?.addEventListener("abort", one.wake);
      }),
    async pass(ms: number): Promise<void> {
      for (const until = now + ms; ;) {
        await new Promise((resolve) => setImmediate(resolve));
        const [next] = [...sleeping].sort((a, b) => a.at - b.at);
        if (next === undefined || next.at > until) return void (now = until);
        now = Math.max(now, next.at);
        next.wake();
      }
    },
  };
}

/** A polled account whose session is lent by `lend`; the waits after its failures, milliseconds. */
function polled(lend: () => Promise<never>, rests = false) {
  const clock = ownTime();
  const waits: number[] = [];
  const log: Log = { write: (_level, _event, fields) => void waits.push(Number(fields?.["waitMs"])) };
  const account = accountRow({ watch: { mode: "poll", folders: "all", notifySince: null } });
  const pace = createLoginPace(clock, 1_000);
  const needs = {
    clock,
    log,
    pace,
    random: () => 0.5,
    every: { folders: 60_000, maildrop: 300_000 },
    accounts: { byId: async () => account },
    watches: { get: async () => null, folders: async () => [], held: async () => [], noteLooks: async () => {} },
    folders: { list: async () => [], version: async () => 0 },
    mailboxes: { lend, rests: () => rests },
  };
  const end = new AbortController();
  const watched = {
    accountId: account.id,
    epoch: 1,
    signal: end.signal,
    alive() {},
    looked() {},
    alertsTold: createAlertsTold(),
  };
  // Only what a look at an empty maildrop uses is there.
  const over = watchAccount(needs as unknown as WatchNeeds, watched);
  const host = account.incoming?.host ?? "";
  return { clock, pace, host, waits, end: () => (end.abort("over"), over) };
}

const emptyMaildrop = {
  session: { folders: async () => [], watching: { kind: "maildrop", keys: async () => [] }, alerts: () => [] },
  failed() {},
  release() {},
} as never;
const away = () => new Failure("upstream-unreachable", "The mail server can't be reached.");

test("a polled account that fails now and then is as soon back after each failure as after the first", async () => {
  let lent = 0;
  const { clock, waits, end } = polled(async () => {
    lent += 1;
    if (lent % 10 === 0) throw away();
    return emptyMaildrop;
  });
  await clock.pass(12 * 3_600_000);
  await end();
  expect(waits.length).toBeGreaterThan(8);
  expect(new Set(waits)).toEqual(new Set([1_000]));
});

test("an account that always fails is not tried again with each login of another at its host", async () => {
  let tries = 0;
  const { clock, pace, host, end } = polled(async () => {
    tries += 1;
    throw away();
  });
  for (let second = 0; second < 600; second += 1) {
    await clock.pass(1_000);
    pace.passed(host);
  }
  await end();
  expect(tries).toBeGreaterThan(5);
  expect(tries).toBeLessThan(45);
});

test("a session that lies idle takes no other account's turn to log in", async () => {
  const turnAfter = async (rests: boolean): Promise<number> => {
    const { clock, pace, host, end } = polled(async () => emptyMaildrop, rests);
    await clock.pass(0);
    const { promise, resolve } = Promise.withResolvers<number>();
    void pace.turn(host, new AbortController().signal, (at) => resolve(at - clock.now()));
    await end();
    return promise;
  };
  expect([await turnAfter(true), await turnAfter(false)]).toEqual([0, 1]);
});
