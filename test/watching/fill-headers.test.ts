import { expect, test } from "vitest";
import { Failure, type FailureCode } from "../../src/errors.ts";
import type { MaildropWatching } from "../../src/mail/watch.ts";
import { fillHeaders } from "../../src/watching/fill-headers.ts";
import { accountRow } from "../store/rows.ts";
import { emptyMaildrop, lent, underWatch } from "./under-watch.ts";

type Some = Parameters<MaildropWatching["keepHeaders"]>[0];

const hour = 3_600_000;

/** A maildrop whose server does this when headers are asked for; `fill`: after a look at it. */
function maildrop(keepHeaders: (some: Some) => Promise<void>) {
  const house = { now: 1_790_000_000_000, awaited: false, calls: 0, logged: [] as unknown[] };
  const end = new AbortController();
  const needs = {
    clock: { now: () => house.now, sleep: async () => {} },
    log: { write: (_level: unknown, _event: string, fields?: object) => void house.logged.push(fields) },
    every: { folders: 60_000, maildrop: 300_000 },
    mailboxes: {
      awaited: () => house.awaited,
      rests: () => false,
      lend: () => Promise.reject(new Error("nobody lends")),
      watch: () => Promise.reject(new Error("nobody watches")),
    },
  };
  const watching: MaildropWatching = {
    kind: "maildrop",
    bodiesOnly: false,
    loginDelay: null,
    keys: async () => [],
    async keepHeaders(some) {
      house.calls++;
      await keepHeaders(some);
      return { known: 0, of: 0 };
    },
  };
  const account = accountRow({ id: "acc_filled" });
  return { house, end, account, fill: () => fillHeaders(needs, account, watching, end.signal) };
}

test("some hundred headers are read in a few seconds, and no more once somebody waits or the watch ends", async () => {
  const went: boolean[] = [];
  const { house, end, fill } = maildrop(async ({ most, goOn }) => {
    expect(most).toBeGreaterThanOrEqual(300);
    expect(most).toBeLessThanOrEqual(1_000);
    went.push(goOn());
    house.now += 3_000;
    went.push(goOn());
    house.awaited = true;
    went.push(goOn());
    house.awaited = false;
    house.now += 2_000;
    went.push(goOn());
  });
  await fill();
  expect(went).toEqual([true, true, false, false]);
  end.abort("over");
  went.length = 0;
  await fill();
  expect(went[0]).toBe(false);
});

test("a server that complains or fails is spared for hours, and the look fails with nothing", async () => {
  const { house, account, fill } = maildrop(async () => {
    throw new Failure("upstream-throttled", "Too many commands.");
  });
  await fill();
  expect(house.logged).toEqual([{ accountId: account.id, code: "upstream-throttled" }]);
  house.now += 5 * hour;
  await fill();
  expect(house.calls).toBe(1);
  house.now += 2 * hour;
  await fill();
  expect(house.calls).toBe(2);
});

test("our own database's failure is not the server's", async () => {
  const code: FailureCode = "storage-unavailable";
  const { house, fill } = maildrop(async () => {
    throw new Failure(code, "The database is away.");
  });
  await fill();
  await fill();
  expect(house.calls).toBe(2);
  await expect(maildrop(() => Promise.reject(new Error("a bug"))).fill()).rejects.toThrow("a bug");
});

test("after each look at a maildrop, for as long as its server takes it", async () => {
  let fills = 0;
  let isWell = true;
  const session = emptyMaildrop();
  const watching = {
    ...session.watching,
    async keepHeaders() {
      fills++;
      if (isWell) return { known: 0, of: 0 };
      throw new Failure("upstream-unreachable", "The mail server ended the session.");
    },
  };
  const { clock, waits, end } = underWatch({ lend: async () => lent({ ...session, watching }) });
  await clock.pass(10 * 60_000 + 1_000);
  expect(fills).toBe(3);
  isWell = false;
  await clock.pass(5 * hour);
  expect(fills).toBe(4);
  isWell = true;
  await clock.pass(2 * hour);
  expect(fills).toBeGreaterThan(10);
  // None of the looks has failed.
  expect(waits.filter((ms) => !Number.isNaN(ms))).toEqual([]);
  await end();
});
