import type { Metrics } from "../observe.ts";
import type { Store } from "../store/store.ts";
import type { AccountRow } from "../store/rows.ts";
import { accountEvent } from "../sessions/account-event.ts";
import { createAlertsTold } from "../watching/alerts-told.ts";
import { watchAccount, type WatchNeeds } from "../watching/watch-account.ts";

export type WatchersNeeds = Omit<WatchNeeds, "watches" | "accounts"> & {
  accounts: WatchNeeds["accounts"] & Pick<Store["accounts"], "setState">;
  watches: Store["watches"];
  /** Names this process in claims. */
  owner: string;
  leaseMs: number;
  metrics: Pick<Metrics, "count" | "gauge">;
};

export type Watchers = {
  /**
   * One step: extends the claims, claims what is due, starts and ends watches, and sees to those that have stalled. When the
   * next step is due by itself, milliseconds since the epoch, or null. Fails with `storage-unavailable`.
   */
  step(): Promise<{ nextAt: number | null }>;
  /** Ends all watches and gives their claims back. */
  stop(): Promise<void>;
};

type Watch = {
  epoch: number;
  end: AbortController;
  /** When it has to have been heard of again. */
  aliveBy: number;
  looked: { at: number; mode: "idle" | "poll" } | null;
  over: Promise<void>;
};

/** Accounts claimed in one step. */
const claimedAtOnce = 200;

function isOn({ state }: AccountRow): boolean {
  return state !== "paused" && state !== "authenticationFailed";
}

/** Watches the accounts that this process has claimed, each by itself: one that fails or hangs holds up no other. */
export function watchAccounts(needs: WatchersNeeds): Watchers {
  const { watches, clock, log, metrics } = needs;
  const running = new Map<string, Watch>();
  const alertsTold = createAlertsTold();

  function start(accountId: string, epoch: number): void {
    running.get(accountId)?.end.abort("superseded");
    const end = new AbortController();
    const watch: Watch = { epoch, end, aliveBy: clock.now() + needs.leaseMs, looked: null, over: Promise.resolve() };
    watch.over = watchAccount(needs, {
      accountId,
      epoch,
      signal: end.signal,
      alive: (by) => (watch.aliveBy = by),
      alertsTold,
      looked: (at, mode) => (watch.looked = { at, mode }),
    })
      .then((isOver) => (isOver ? watches.release(accountId, epoch, null) : undefined))
      .catch((error: unknown) => log.write("error", "watch.broke", { accountId, error: String(error) }))
      .finally(() => {
        if (running.get(accountId) === watch) running.delete(accountId);
      });
    running.set(accountId, watch);
  }

  async function noteLooks(): Promise<void> {
    const looks = [...running].flatMap(([accountId, watch]) => {
      const { looked, epoch } = watch;
      watch.looked = null;
      return looked === null ? [] : [{ accountId, epoch, lookedAt: looked.at, mode: looked.mode }];
    });
    if (looks.length > 0) await watches.noteLooks(looks);
  }

  /** What does not go on is told, and begun anew under another epoch, so that it can write nothing if it comes back. */
  async function restartStalled(): Promise<void> {
    const now = clock.now();
    for (const [accountId, watch] of running) {
      if (watch.aliveBy >= now) continue;
      log.write("warn", "watch.stalled", { accountId });
      metrics.count("postern_watch_stalls_total");
      watch.end.abort("stalled");
      running.delete(accountId);
      const account = await needs.accounts.byId(accountId);
      // A pause, or a login that was refused for good, is why it does not go on.
      if (account !== null && isOn(account)) await tellDegraded(account, now);
    }
  }

  async function tellDegraded(account: AccountRow, at: number): Promise<void> {
    const detail = "Watching this mailbox came to a stop, and was begun again.";
    const lastError = { side: "incoming" as const, code: "upstream-timeout", detail, at };
    const state = { state: "degraded" as const, lastError };
    await needs.accounts.setState(account, state, at, accountEvent(account, "account.degraded", state, at));
    needs.wake.wake("events", account.appId);
  }

  return {
    async step() {
      await noteLooks();
      const held = await watches.renew(needs.owner, clock.now(), needs.leaseMs);
      const epochs = new Map(held.map(({ accountId, epoch }) => [accountId, epoch]));
      for (const [accountId, watch] of running)
        if (epochs.get(accountId) !== watch.epoch) {
          watch.end.abort("overtaken");
          running.delete(accountId);
        }
      await restartStalled();
      // What is held and not watched has stalled, or was claimed by a step that failed or a process that was killed.
      for (const [accountId, epoch] of epochs) if (!running.has(accountId)) await watches.release(accountId, epoch, 0);
      const claimed = await watches.claim(needs.owner, clock.now(), needs.leaseMs, claimedAtOnce);
      for (const { accountId, epoch } of claimed) start(accountId, epoch);
      metrics.gauge("postern_watched_accounts", running.size);
      if (claimed.length === claimedAtOnce) return { nextAt: clock.now() };
      const dueAt = await watches.nextDueAt(needs.owner);
      const renewAt = running.size === 0 ? null : clock.now() + needs.leaseMs / 3;
      return { nextAt: dueAt === null || renewAt === null ? (dueAt ?? renewAt) : Math.min(dueAt, renewAt) };
    },

    async stop() {
      const ending = [...running];
      for (const [, { end }] of ending) end.abort("stopping");
      await noteLooks().catch(() => {});
      await Promise.all(
        ending.map(async ([accountId, { over, epoch }]) => {
          await over;
          await watches.release(accountId, epoch, 0).catch(() => {});
        }),
      );
    },
  };
}
