import { expect, test } from "vitest";
import { Failure } from "../../src/errors.ts";
import type { Log } from "../../src/observe.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import type { WatchChange } from "../../src/store/store.ts";
import { createAlertsTold } from "../../src/watching/alerts-told.ts";
import { tellAlerts } from "../../src/watching/tell-alerts.ts";
import type { WatchNeeds } from "../../src/watching/round.ts";
import { watchAccount } from "../../src/watching/watch-account.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow } from "../store/rows.ts";

const day = 24 * 3_600_000;

/** Who tells of an account in its claim 7; how its next writes go is `write`'s to say. */
function teller(account: AccountRow, alertsTold = createAlertsTold()) {
  const clock = createFakeClock();
  const told: string[] = [];
  const logged: unknown[] = [];
  const woken: unknown[] = [];
  const log: Log = { write: (...entry) => void logged.push(entry) };
  let write = async (): Promise<boolean> => true;
  const needs = {
    clock,
    log,
    accounts: { byId: async () => account },
    wake: { wake: (...topic: unknown[]) => void woken.push(topic) },
    watches: {
      async write(at: { id: string; appId: string; epoch: number }, { events = [], ...rest }: WatchChange) {
        expect([at, rest]).toEqual([{ id: account.id, appId: account.appId, epoch: 7 }, {}]);
        const isDone = await write();
        if (isDone) told.push(...events.map(({ type, data }) => `${type} ${JSON.stringify(data)}`));
        return isDone;
      },
    },
  };
  return {
    clock,
    logged,
    woken,
    needs,
    alertsTold,
    writesBy: (next: () => Promise<boolean>): void => void (write = next),
    tell: (...texts: string[]) => tellAlerts(needs, { accountId: account.id, epoch: 7, alertsTold }, texts),
    /** What was told since the last call. */
    told: (): string[] => told.splice(0),
  };
}

test("the same words are told once a day", async () => {
  const account = accountRow();
  const { clock, tell, told, woken } = teller(account);
  await tell("98 % full", "98 % full", "log in by browser");
  expect(told()).toEqual(['account.alert {"text":"98 % full"}', 'account.alert {"text":"log in by browser"}']);
  expect(woken).toEqual([["events", account.appId]]);
  await clock.advance(day - 1);
  await tell("98 % full", "99 % full");
  expect(told()).toEqual(['account.alert {"text":"99 % full"}']);
  await clock.advance(1);
  await tell("98 % full", "99 % full");
  expect(told()).toEqual(['account.alert {"text":"98 % full"}']);
});

test("each account is told of by itself", async () => {
  const alertsTold = createAlertsTold();
  const [one, other] = [teller(accountRow(), alertsTold), teller(accountRow(), alertsTold)];
  await one.tell("98 % full");
  await other.tell("98 % full");
  expect([one.told().length, other.told().length]).toEqual([1, 1]);
});

test("a server that never says the same twice is told of ten times a day", async () => {
  const { clock, tell, told } = teller(accountRow());
  for (let look = 0; look < 24 * 60; look += 1) {
    await tell(`it is ${look}`, `it is still ${look}`);
    await clock.advance(60_000);
  }
  expect(told()).toHaveLength(10);
  await tell("tomorrow");
  expect(told()).toHaveLength(1);
});

test("what could not be written is told when the server says it again", async () => {
  const { tell, told, writesBy, logged, woken } = teller(accountRow({ id: "acc_1" }));
  writesBy(async () => {
    throw new Failure("storage-unavailable", "The database can't be used.");
  });
  await tell("a canary");
  expect(logged).toEqual([["warn", "account.alert_not_written", { accountId: "acc_1", code: "storage-unavailable" }]]);
  writesBy(async () => false);
  await tell("a canary");
  expect([told(), woken]).toEqual([[], []]);
  writesBy(async () => true);
  await tell("a canary");
  expect(told()).toEqual(['account.alert {"text":"a canary"}']);
});

test("what is remembered is bounded, and the account told of longest ago goes first", () => {
  const alertsTold = createAlertsTold();
  for (let n = 0; n <= 10_000; n += 1) alertsTold.add(`acc_${n}`, ["full"], n);
  expect(alertsTold.untold("acc_0", ["full"], 20_000)).toEqual(["full"]);
  expect(alertsTold.untold("acc_1", ["full"], 20_000)).toEqual([]);
});

/** Watches a mailbox that is opened by `open`, for two looks or failures. */
async function watchedBy(open: () => Promise<unknown>, mode: "push" | "poll"): Promise<string[]> {
  const account = accountRow({ watch: { mode, folders: "all", notifySince: null } });
  const { clock, needs, alertsTold, told } = teller(account);
  const end = new AbortController();
  let rounds = 0;
  const more = {
    ...needs,
    clock: {
      now: () => clock.now(),
      sleep: async () => ((rounds += 1) === 2 ? end.abort("enough") : undefined),
    },
    pace: { turn: async () => {}, passed() {}, untilPassed: async () => {} },
    random: () => 0.5,
    every: { folders: 60_000, maildrop: 300_000 },
    accounts: { byId: async () => account, setState: async () => true },
    watches: { ...needs.watches, get: async () => null, folders: async () => [], held: async () => [], noteLooks() {} },
    folders: { list: async () => [], version: async () => 0 },
    mailboxes: {
      rests: () => true,
      watch: open,
      lend: async () => ({ session: await open(), failed() {}, release() {} }),
    },
  };
  const watched = { accountId: account.id, epoch: 7, signal: end.signal, alive() {}, looked() {}, alertsTold };
  // Only what a look at an empty mailbox uses is there.
  await watchAccount(more as unknown as WatchNeeds, watched);
  return told();
}

const watching = {
  kind: "maildrop",
  bodiesOnly: false,
  keys: async () => [],
  keepHeaders: async () => ({ known: 0, of: 0 }),
};
const empty = { folders: async () => [], watching, close: async () => {} };

test.each(["push", "poll"] as const)("%s: after each look what the server said is told", async (mode) => {
  const said = [["full"], ["full", "down at six"]];
  const mailbox = { ...empty, alerts: () => said.shift() ?? [] };
  expect(await watchedBy(async () => mailbox, mode)).toEqual([
    'account.alert {"text":"full"}',
    'account.alert {"text":"down at six"}',
  ]);
});

test.each(["push", "poll"] as const)("%s: it is told also where the look failed", async (mode) => {
  const said = [["going down"]];
  const folders = async () => {
    throw new Failure("upstream-unreachable", "The mail server ended the session.");
  };
  const mailbox = { ...empty, folders, alerts: () => said.shift() ?? [] };
  expect(await watchedBy(async () => mailbox, mode)).toEqual(['account.alert {"text":"going down"}']);
});

test("the words of a refused login are told where they are an alert, and no others", async () => {
  const refusing = (responseCode: string) => async () => {
    const upstream = {
      protocol: "imap" as const,
      phase: "login",
      host: "imap.example",
      responseCode,
      text: "by browser",
    };
    throw new Failure("account-authentication-failed", "The mail server refused the login.", { upstream });
  };
  expect(await watchedBy(refusing("ALERT"), "push")).toEqual(['account.alert {"text":"by browser"}']);
  expect(await watchedBy(refusing("AUTHENTICATIONFAILED"), "push")).toEqual([]);
});
