import type { Fleet } from "../mail/fleet.ts";
import type { Wake } from "../mail/wake.ts";
import type { Clock, Log, Metrics } from "../observe.ts";
import type { Store } from "../store/store.ts";
import type { AccountRow } from "../store/rows.ts";
import { accountEvent } from "../sessions/account-event.ts";
import { createAlertsTold } from "../watching/alerts-told.ts";
import type { Watched, WatchEnd } from "../watching/round.ts";
import { Overtaken } from "../watching/turn.ts";

export type WatchersNeeds = {
  /** Watches one account, until it is over: for long, or for a single look. Never fails. */
  watch: (watched: Watched) => Promise<WatchEnd>;
  accounts: Pick<Store["accounts"], "byId" | "setState">;
  watches: Pick<Store["watches"], "renew" | "claimsOf" | "count" | "claim" | "release" | "nextDueAt" | "noteLooks">;
  wake: Pick<Wake, "wake">;
  clock: Clock;
  log: Log;
  fleet: Fleet;
  /** Names this process in claims. */
  owner: string;
  leaseMs: number;
  metrics: Pick<Metrics, "count" | "gauge">;
};

export type Watchers = {
  /**
   * One step: extends the claims, claims what is due, up to this process's part of all that is watched, gives up what is more than that, starts
   * and ends watches, and sees to those that have stalled. When the next step is due by itself, milliseconds since the epoch, or null. Fails with `storage-unavailable`.
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
/** Where there are other processes: how soon a step follows that sees what they did, and more is given up to them, milliseconds. */
const heedMs = 1_000;
/** About so many logins of watchers may begin at one host in that time, in all processes together. */
const loginsPerSecond = 18;
/** How long an account is left alone whose watch ended by what no watch should end by, milliseconds. */
const brokeMs = 15_000;
/** How long a watch may take to end before its account is another's, milliseconds. */
const endMs = 2_000;

/** So many more than its part a process keeps: an account that is added or removed moves no other. */
const slackOf = (part: number): number => 1 + Math.floor(part / 50);

function isOn({ state }: AccountRow): boolean {
  return state !== "paused" && state !== "authenticationFailed";
}

/** Watches the accounts that this process has claimed, each by itself: one that fails or hangs holds up no other. */
export function watchAccounts(needs: WatchersNeeds): Watchers {
  const { watches, clock, log, metrics } = needs;
  const running = new Map<string, Watch>();
  const alertsTold = createAlertsTold();
  /** Accounts that are being given up. */
  const leaving = new Map<string, Promise<void>>();
  /** When the claims were extended last; they hold for a lease from then. */
  let renewedAt = -Infinity;
  let gaveUpAt = -Infinity;

  function start(accountId: string, epoch: number): void {
    running.get(accountId)?.end.abort("superseded");
    const end = new AbortController();
    const watch: Watch = { epoch, end, aliveBy: clock.now() + needs.leaseMs, looked: null, over: Promise.resolve() };
    watch.over = needs
      .watch({
        accountId,
        epoch,
        signal: end.signal,
        alive(by) {
          // Whoever was stopped for a while may have been taken for dead.
          if (clock.now() >= renewedAt + needs.leaseMs) throw new Overtaken();
          watch.aliveBy = by;
        },
        alertsTold,
        looked: (at, mode) => (watch.looked = { at, mode }),
      })
      .then((over) => (over === null ? undefined : watches.release(accountId, epoch, over.dueAt)))
      .catch(async (error: unknown) => {
        if (error instanceof Overtaken) return;
        log.write("error", "watch.broke", { accountId, error });
        // Where not even that can be written, what is held and not watched is given back by a later step.
        await watches.release(accountId, epoch, clock.now() + brokeMs).catch(() => undefined);
      })
      .finally(() => {
        if (running.get(accountId) === watch) running.delete(accountId);
        // When it is due next has to be known to whoever waits for that.
        needs.wake.wake("watch", accountId);
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

  /** What this process holds; extends it where it is time for that. */
  async function heldClaims(): Promise<{ accountId: string; epoch: number }[]> {
    const at = clock.now();
    if (at >= renewedAt && at < renewedAt + needs.leaseMs / 4) return watches.claimsOf(needs.owner);
    const held = await watches.renew(needs.owner, at, needs.leaseMs);
    renewedAt = at;
    return held;
  }

  /** This process's part of all accounts that are watched, or wait for it, rounded up; all of them where it is alone. */
  async function partOfAll(live: number): Promise<number> {
    if (live === 1) return Infinity;
    return Math.ceil((await watches.count()) / live);
  }

  function giveUp(accountId: string, watch: Watch, why: string): void {
    running.delete(accountId);
    leaving.set(
      accountId,
      endAndRelease(accountId, watch, why).finally(() => leaving.delete(accountId)),
    );
  }

  /** Never fails: what is held and not watched is given back by a later step. */
  async function endAndRelease(accountId: string, { end, over, epoch }: Watch, why: string): Promise<void> {
    end.abort(why);
    const ended = new AbortController();
    void over.then(() => ended.abort("over"));
    await clock.sleep(endMs, ended.signal);
    await watches.release(accountId, epoch, 0).then(
      () => needs.wake.wake("watch", accountId),
      () => undefined,
    );
  }

  /** Leaves to others what is more than this process's part; a few at a time, because each is watched by nobody for a moment. */
  function giveUpSurplus(part: number, live: number): void {
    const surplus = running.size - part;
    const now = clock.now();
    if (surplus <= slackOf(part) || now < gaveUpAt + heedMs) return;
    gaveUpAt = now;
    // So many may have as much as this one; the others log in as fast as each may to what is given up.
    const givers = Math.min(live - 1, Math.max(1, Math.floor((part * live) / running.size)));
    const some = Math.max(1, Math.floor((loginsPerSecond * (live - givers)) / (live * givers)));
    for (const [accountId, watch] of [...running].slice(-Math.min(surplus, some)))
      giveUp(accountId, watch, "another's");
  }

  return {
    async step() {
      await noteLooks();
      const held = await heldClaims();
      const epochs = new Map(held.map(({ accountId, epoch }) => [accountId, epoch]));
      for (const [accountId, watch] of running)
        if (epochs.get(accountId) !== watch.epoch) {
          watch.end.abort("overtaken");
          running.delete(accountId);
        }
      await restartStalled();
      // What is held and not watched has stalled, or was claimed by a step that failed or a process that was killed.
      for (const [accountId, epoch] of epochs)
        if (!running.has(accountId) && !leaving.has(accountId)) await watches.release(accountId, epoch, 0);
      const live = needs.fleet.live();
      const part = await partOfAll(live);
      giveUpSurplus(part, live);
      const room = Math.min(claimedAtOnce, part - running.size);
      const claimed = room > 0 ? await watches.claim(needs.owner, clock.now(), needs.leaseMs, room) : [];
      for (const { accountId, epoch } of claimed) start(accountId, epoch);
      metrics.gauge("postern_watched_accounts", running.size);
      if (claimed.length === claimedAtOnce) return { nextAt: clock.now() };
      const dueAt = (await watches.nextDueAt(needs.owner)) ?? Infinity;
      const renewAt = running.size === 0 ? Infinity : renewedAt + needs.leaseMs / 3;
      // What is due may be left to others. Who gives something up to this process wakes it, so only who has still too much looks on.
      const heedAt = clock.now() + heedMs;
      const hasSurplus = running.size - part > slackOf(part);
      const nextAt = part === Infinity ? dueAt : hasSurplus ? heedAt : Math.max(dueAt, heedAt);
      const first = Math.min(nextAt, renewAt);
      return { nextAt: first === Infinity ? null : first };
    },

    async stop() {
      const ending = [...running];
      for (const [, { end }] of ending) end.abort("stopping");
      await noteLooks().catch(() => {});
      for (const [accountId, watch] of ending) giveUp(accountId, watch, "stopping");
      await Promise.all(leaving.values());
    },
  };
}
