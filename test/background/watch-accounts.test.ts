import { expect, test } from "vitest";
import { watchAccounts, type WatchersNeeds } from "../../src/background/watch-accounts.ts";
import { createLoginPace } from "../../src/sessions/login-pace.ts";
import type { AccountState } from "../../src/store/rows.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow } from "../store/rows.ts";

/** Watches one account whose login never ends, until it has stalled; it is in `state` by then. The states that are told. */
async function stalled(state: AccountState, turnAfter = 0): Promise<string[]> {
  const clock = createFakeClock();
  const row = accountRow({ watch: { mode: "push", folders: "all", notifySince: null }, state: "connected" });
  let account = row;
  const told: string[] = [];
  const pace = createLoginPace(clock, 20);
  for (let before = 0; before < turnAfter; before += 1)
    void pace.turn(row.incoming?.host ?? "", new AbortController().signal, () => {});
  const claims = [{ accountId: row.id, epoch: 1 }];
  const needs = {
    clock,
    log: { write() {} },
    metrics: { count() {}, gauge() {} },
    wake: { wake() {} },
    owner: "me",
    leaseMs: 20_000,
    pace,
    accounts: {
      byId: async () => account,
      setState: async (_: unknown, next: { state: string }) => (told.push(next.state), true),
    },
    watches: {
      renew: async () => [{ accountId: row.id, epoch: 1 }],
      claim: async () => claims.splice(0),
      release: async () => {},
      nextDueAt: async () => null,
      noteLooks: async () => {},
    },
    mailboxes: { watch: () => new Promise(() => {}) },
  };
  const watchers = watchAccounts(needs as unknown as WatchersNeeds);
  await watchers.step();
  await watchers.step();
  await clock.advance(300_000);
  account = { ...row, state, version: state === "paused" ? 2 : 1 };
  await watchers.step();
  return told;
}

test("a watch that has stalled is told", async () => {
  expect(await stalled("connected")).toEqual(["degraded"]);
});

test("one of an account that was paused, or refused, meanwhile changes nothing of that", async () => {
  expect(await stalled("paused")).toEqual([]);
  expect(await stalled("authenticationFailed")).toEqual([]);
});

test("one that waits for its turn to log in has not stalled, however many are before it", async () => {
  expect(await stalled("connected", 5_990)).toEqual([]);
});
