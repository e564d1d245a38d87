import { keepPresence } from "../../src/background/beat.ts";
import { watchAccounts } from "../../src/background/watch-accounts.ts";
import type { Store } from "../../src/store/store.ts";
import type { Watched } from "../../src/watching/round.ts";
import { Overtaken } from "../../src/watching/turn.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow } from "../store/rows.ts";

export const leaseMs = 20_000;
const tickMs = 250;

/** Processes that share a store, on one clock that stands still; their mailboxes are watched in name only. */
export function createFleetHouse(store: Store, { hints = true } = {}) {
  const clock = { ...createFakeClock(), measure: async () => {} };
  const nodes: Node[] = [];
  const accountIds: string[] = [];
  /** When each account was last seen to be watched, and the longest that it was not. */
  const seen = new Map<string, number>();
  const blind = new Map<string, number>();
  /** What was seen to be watched by two. */
  const twice = new Set<string>();

  /** What nobody's step waits for; time stands still for it. */
  const releasing = new Set<Promise<void>>();
  function release(...args: Parameters<typeof store.watches.release>): Promise<void> {
    const released = store.watches.release(...args).finally(() => releasing.delete(released));
    releasing.add(released);
    return released;
  }

  type Node = ReturnType<typeof start>;

  function start(owner: string) {
    const watched = new Map<string, Watched>();
    const due = { presence: 0, watchers: 0 };
    const node = { owner, watched, due, isRunning: true, isFrozen: false, step, stop };
    const needs = {
      ...store,
      watches: { ...store.watches, release },
      clock,
      owner,
      leaseMs,
      log: { write() {} },
      metrics: { count() {}, gauge() {} },
      wake: {
        wake(topic: string) {
          for (const one of hints ? nodes : [node])
            if (topic === "nodes") one.due.presence = 0;
            else if (topic === "watch") one.due.watchers = 0;
        },
      },
    };
    const presence = keepPresence(needs);
    const watchers = watchAccounts({
      ...needs,
      fleet: presence,
      watch: (one) =>
        new Promise((resolve) => {
          watched.set(one.accountId, one);
          one.alive(clock.now() + 3_600_000);
          one.looked(clock.now(), "idle");
          const end = (): void => {
            if (watched.get(one.accountId) === one) watched.delete(one.accountId);
            resolve(null);
          };
          one.signal.addEventListener("abort", end);
        }),
    });

    async function step(): Promise<void> {
      const now = clock.now();
      if (due.presence <= now) {
        due.presence = Infinity;
        due.presence = Math.min(due.presence, (await presence.step()).nextAt);
      }
      if (due.watchers <= now) {
        due.watchers = Infinity;
        const { nextAt } = await watchers.step();
        due.watchers = Math.min(due.watchers, Math.max(nextAt ?? Infinity, now + tickMs), now + 5_000);
      }
    }

    async function stop(): Promise<void> {
      node.isRunning = false;
      for (const one of watched.values()) one.looked(clock.now(), "idle");
      await presence.leave();
      await watchers.stop();
    }
    return node;
  }

  const active = () => nodes.filter(({ isRunning, isFrozen }) => isRunning && !isFrozen);

  function observe(): void {
    const now = clock.now();
    for (const id of accountIds) {
      const by = active().filter(({ watched }) => watched.has(id));
      if (by.length > 1) twice.add(id);
      if (by.length > 0) seen.set(id, now);
      blind.set(id, Math.max(blind.get(id) ?? 0, now - (seen.get(id) ?? now)));
    }
  }

  return {
    clock,
    twice,
    /** How long an account was watched by nobody, at most, since it was first, or since this was asked last. */
    longestBlind: (): number => {
      const longest = Math.max(0, ...blind.values());
      blind.clear();
      return longest;
    },
    addAccounts: async (count: number): Promise<string[]> => {
      const rows = Array.from({ length: count }, () => accountRow());
      for (const row of rows) await store.accounts.insert(row);
      accountIds.push(...rows.map(({ id }) => id));
      for (const { due } of nodes) due.watchers = 0;
      return rows.map(({ id }) => id);
    },
    join: (): Node => {
      const node = start(`node ${nodes.length}`);
      nodes.push(node);
      return node;
    },
    /** Lets time pass. */
    run: async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += tickMs) {
        for (const node of active()) await node.step();
        await new Promise((resolve) => setImmediate(resolve));
        await Promise.all(releasing);
        observe();
        await clock.advance(tickMs);
      }
    },
    /** Time passes for nobody to see. */
    skip: (ms: number) => clock.advance(ms),
    split: () => active().map(({ watched }) => watched.size),
  };
}

/** Whether a watch may still write. */
export function mayWrite(watched: Watched): boolean {
  try {
    watched.alive(Infinity);
    return true;
  } catch (error) {
    if (error instanceof Overtaken) return false;
    throw error;
  }
}
