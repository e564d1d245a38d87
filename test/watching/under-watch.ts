import type { Log } from "../../src/observe.ts";
import { Failure } from "../../src/errors.ts";
import { createLoginPace } from "../../src/sessions/login-pace.ts";
import type { AccountRow } from "../../src/store/rows.ts";
import { createAlertsTold } from "../../src/watching/alerts-told.ts";
import type { WatchNeeds } from "../../src/watching/round.ts";
import { watchAccount } from "../../src/watching/watch-account.ts";
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

export type OwnTime = ReturnType<typeof ownTime>;

export type Servers = {
  /** Lends a session for a look at all; default: fails. */
  lend?: (clock: OwnTime) => Promise<unknown>;
  /** Opens a session of the watch's own, for an account in push mode. */
  watch?: (clock: OwnTime) => Promise<unknown>;
  /** Whether a session lies idle. */
  rests?: boolean;
  /** From 0 to 1; default: what spreads nothing. */
  random?: number;
  every?: WatchNeeds["every"];
  account?: Partial<AccountRow>;
};

/** What watching an account needs, polled by default; `waits`: after its failures, milliseconds. */
export function needsOf({ lend, watch, rests = false, random = 0.5, ...more }: Servers) {
  const clock = ownTime();
  const waits: number[] = [];
  const log: Log = { write: (_level, _event, fields) => void waits.push(Number(fields?.["waitMs"])) };
  const account = accountRow({ watch: { mode: "poll", folders: "all", notifySince: null }, ...more.account });
  const pace = createLoginPace(clock, 1_000);
  // Only what a look at a mailbox without messages uses is there.
  const needs = {
    clock,
    log,
    pace,
    random: () => random,
    every: more.every ?? { folders: 60_000, maildrop: 300_000 },
    accounts: { byId: async () => account },
    watches: { get: async () => null, folders: async () => [], held: async () => [], noteLooks: async () => {} },
    intents: { list: async () => [] },
    folders: { list: async () => [], version: async () => 0 },
    mailboxes: { lend: () => lend?.(clock), watch: () => watch?.(clock), rests: () => rests, awaited: () => false },
  };
  return { needs, account, clock, pace, waits };
}

/** An account under watch. */
export function underWatch(servers: Servers) {
  const { needs, account, clock, pace, waits } = needsOf(servers);
  const end = new AbortController();
  const watched = {
    accountId: account.id,
    epoch: 1,
    signal: end.signal,
    alive() {},
    looked() {},
    alertsTold: createAlertsTold(),
  };
  const over = watchAccount(needs as unknown as WatchNeeds, watched);
  const host = account.incoming?.host ?? "";
  return { clock, pace, host, waits, end: () => (end.abort("over"), over) };
}

/** A session at a maildrop without messages, and without folders to look into. */
export function emptyMaildrop(change: { loginDelay?: number; folders?: () => Promise<[]> } = {}) {
  const { loginDelay = null, folders = async () => [] } = change;
  return {
    folders,
    watching: {
      kind: "maildrop",
      loginDelay,
      bodiesOnly: false,
      keys: async () => [],
      keepHeaders: async () => ({ known: 0, of: 0 }),
    },
    alerts: () => [],
    close: async () => {},
  };
}

export const lent = (session = emptyMaildrop()) => ({ session, failed() {}, release() {} });

export const away = () => new Failure("upstream-unreachable", "The mail server can't be reached.");
