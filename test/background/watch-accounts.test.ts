import { expect, test } from "vitest";
import { watchAccounts, type WatchersNeeds } from "../../src/background/watch-accounts.ts";
import { alone } from "../../src/mail/fleet.ts";
import { createLoginPace } from "../../src/sessions/login-pace.ts";
import { watchAccount } from "../../src/watching/watch-account.ts";
import type { Watched, WatchNeeds } from "../../src/watching/round.ts";
import type { AccountState, NewEvent } from "../../src/store/rows.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow } from "../store/rows.ts";

/** Watches one account whose login never ends, until it has stalled; it is in `state` by then. */
async function stalled(state: AccountState, turnAfter = 0) {
  const clock = createFakeClock();
  const row = accountRow({ watch: { mode: "push", folders: "all", notifySince: null }, state: "connected" });
  let account = row;
  const told: { state: string; event: NewEvent | null }[] = [];
  const woken: string[] = [];
  const counted: string[] = [];
  const pace = createLoginPace(clock, 20);
  for (let before = 0; before < turnAfter; before += 1)
    void pace.turn(row.incoming?.host ?? "", new AbortController().signal, () => {});
  const claim = { epoch: 0, isHeld: false, isDue: true };
  let logins = 0;
  const needs = {
    clock,
    log: { write() {} },
    metrics: { count: (name: string) => counted.push(name), gauge() {} },
    wake: { wake: (topic: string, id: string) => woken.push(`${topic} ${id}`) },
    fleet: alone,
    owner: "me",
    leaseMs: 20_000,
    pace,
    accounts: {
      byId: async () => account,
      setState: async (_: unknown, next: { state: string }, _now: number, event: NewEvent | null) => (
        told.push({ state: next.state, event }),
        true
      ),
    },
    watches: {
      renew: async () => (claim.isHeld ? [{ accountId: row.id, epoch: claim.epoch }] : []),
      claimsOf: async () => (claim.isHeld ? [{ accountId: row.id, epoch: claim.epoch }] : []),
      async claim() {
        if (claim.isHeld || !claim.isDue) return [];
        claim.isHeld = true;
        claim.epoch += 1;
        return [{ accountId: row.id, epoch: claim.epoch }];
      },
      async release(_: string, epoch: number, dueAt: number | null) {
        if (epoch === claim.epoch) Object.assign(claim, { isHeld: false, isDue: dueAt !== null });
      },
      nextDueAt: async () => null,
      noteLooks: async () => {},
    },
    mailboxes: { watch: () => ((logins += 1), new Promise(() => {})) },
  };
  const watch = (watched: Watched) => watchAccount(needs as unknown as WatchNeeds, watched);
  const watchers = watchAccounts({ ...needs, watch } as unknown as WatchersNeeds);
  await watchers.step();
  await watchers.step();
  await clock.advance(300_000);
  const loginsBefore = logins;
  const lastError = { side: "incoming" as const, code: "account-authentication-failed", detail: "", at: clock.now() };
  account = { ...row, state, lastError: state === "authenticationFailed" ? lastError : null };
  await watchers.step();
  await clock.advance(0);
  return { row, told, woken, counted, claim, logins: [loginsBefore, logins] };
}

test("a watch that has stalled is told by an event, and begun again under another epoch", async () => {
  const { row, told, woken, counted, claim, logins } = await stalled("connected");
  expect(told).toMatchObject([
    {
      state: "degraded",
      event: {
        type: "account.degraded",
        accountId: row.id,
        appId: row.appId,
        data: { state: "degraded", lastError: { code: "upstream-timeout" } },
      },
    },
  ]);
  expect(woken).toEqual([`events ${row.appId}`]);
  expect(counted).toEqual(["postern_watch_stalls_total"]);
  expect(claim).toEqual({ epoch: 2, isHeld: true, isDue: true });
  expect(logins).toEqual([1, 2]);
});

test("one of an account that was paused, or refused, meanwhile changes nothing of that, and is not begun again", async () => {
  for (const state of ["paused", "authenticationFailed"] as const) {
    const { told, logins } = await stalled(state);
    expect(told).toEqual([]);
    expect(logins).toEqual([1, 1]);
  }
});

test("one that waits for its turn to log in has not stalled, however many are before it", async () => {
  const { told, claim } = await stalled("connected", 5_990);
  expect(told).toEqual([]);
  expect(claim.epoch).toBe(1);
});

test("one of several processes asks for its part no more often than for what is due; one that has too much goes on to give it up", async () => {
  const clock = createFakeClock();
  const held = new Map<string, number>();
  let [due, counted] = [30, 70];
  const needs = {
    clock,
    log: { write() {} },
    metrics: { count() {}, gauge() {} },
    wake: { wake() {} },
    fleet: { live: () => 2 },
    owner: "me",
    leaseMs: 20_000,
    accounts: {},
    watches: {
      renew: async () => [...held].map(([accountId, epoch]) => ({ accountId, epoch })),
      claimsOf: async () => [...held].map(([accountId, epoch]) => ({ accountId, epoch })),
      count: async () => counted,
      claim: async () => {
        const claimed = Array.from({ length: due }, (_, nth) => ({ accountId: `acc_${nth}`, epoch: 1 }));
        due = 0;
        for (const { accountId, epoch } of claimed) held.set(accountId, epoch);
        return claimed;
      },
      release: async (accountId: string) => void held.delete(accountId),
      nextDueAt: async () => clock.now() + 15_000,
      noteLooks: async () => {},
    },
    watch: () => new Promise(() => {}),
  };
  const watchers = watchAccounts(needs as unknown as WatchersNeeds);
  const wait = async (): Promise<number> => ((await watchers.step()).nextAt ?? Infinity) - clock.now();
  await watchers.step();
  // It has less than its part; the claims are to be extended.
  expect(await wait()).toBeGreaterThan(5_000);
  counted = 1;
  expect(await wait()).toBeLessThanOrEqual(1_000);
});

test("a watch that breaks is begun again after a while, not at once and again", async () => {
  const clock = createFakeClock();
  const begun = clock.now();
  const claim = { epoch: 0, isHeld: false, dueAt: 0 as number | null };
  const starts: number[] = [];
  const needs = {
    clock,
    log: { write() {} },
    metrics: { count() {}, gauge() {} },
    wake: { wake() {} },
    fleet: alone,
    owner: "me",
    leaseMs: 20_000,
    accounts: { byId: async () => null, setState: async () => true },
    watches: {
      renew: async () => (claim.isHeld ? [{ accountId: "acc_1", epoch: claim.epoch }] : []),
      claimsOf: async () => (claim.isHeld ? [{ accountId: "acc_1", epoch: claim.epoch }] : []),
      async claim(_: string, now: number) {
        if (claim.isHeld || claim.dueAt === null || claim.dueAt > now) return [];
        Object.assign(claim, { isHeld: true, epoch: claim.epoch + 1 });
        return [{ accountId: "acc_1", epoch: claim.epoch }];
      },
      async release(_: string, epoch: number, dueAt: number | null) {
        if (epoch === claim.epoch) Object.assign(claim, { isHeld: false, dueAt });
      },
      nextDueAt: async () => (claim.isHeld ? null : claim.dueAt),
      noteLooks: async () => {},
    },
  };
  const watch = () => (starts.push(clock.now() - begun), Promise.reject(new Error("its row can't be read")));
  const watchers = watchAccounts({ ...needs, watch } as unknown as WatchersNeeds);
  for (let steps = 0; steps < 30; steps += 1) {
    await watchers.step();
    await clock.advance(1_000);
  }
  expect(starts).toEqual([0, 15_000]);
});
