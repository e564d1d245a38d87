import { Failure } from "../errors.ts";
import { alone, type Fleet, partOf } from "../mail/fleet.ts";
import { callerLeft } from "../net/unless-left.ts";
import type { Clock } from "../observe.ts";
import type { Lease, Pool, Poolable, PoolLimits, Wish } from "./lease.ts";
import { createOpenings, type Openings } from "./openings.ts";

/** Streams that share one session; more wait. Each holds some chunks in memory. */
const streamsPerSession = 8;

/** How long a session that comes back may be at work for somebody who left, milliseconds, before it is closed. */
const settleMs = 500;

type Pooled<S> = {
  session: S;
  version: string;
  streams: number;
  /** Whether somebody has it who is no stream. */
  taken: boolean;
  /** Nobody gets it any more. */
  retired: boolean;
  /** Ends its idleness; null while it is not idle. */
  resting: AbortController | null;
};

type Request<S> = {
  version: string;
  open: () => Promise<S>;
  wish: Wish;
  resolve: (lease: Lease<S>) => void;
  reject: (error: unknown) => void;
  patience: AbortController;
};

/** The sessions of one key. */
type Group<S> = {
  pooled: Set<Pooled<S>>;
  waiting: Request<S>[];
  openings: Openings;
  /** How often the key was dropped: what was begun before is for nobody else. */
  drops: number;
};

/**
 * A pool of sessions per key (an account). A session opened under another `version` is never lent. A loan is an idle
 * session, else a new one, else a share of one that only streams hold, else waited for in the order of arrival.
 * `lend` fails with `account-busy` when the wait ran out, `request-timeout` when the caller left, with whatever `open` fails with, and with `upstream-throttled`
 * while the server wants no new sessions and there is none.
 */
export function createPool<S extends Poolable>(clock: Clock, limits: PoolLimits, fleet: Fleet = alone): Pool<S> {
  const groups = new Map<string, Group<S>>();
  const limit = (): number => partOf(fleet, limits.limit);

  function groupOf(key: string): Group<S> {
    const known = groups.get(key);
    if (known !== undefined) return known;
    const openings = createOpenings(clock, limit);
    const group: Group<S> = { pooled: new Set(), waiting: [], openings, drops: 0 };
    groups.set(key, group);
    return group;
  }

  const aliveOf = ({ pooled }: Group<S>): Pooled<S>[] => [...pooled].filter(({ session }) => !session.dead);

  /** Lends to who waits, in the order of arrival, as far as there are sessions. */
  function serve(key: string, group: Group<S>): void {
    const inOrder = [...group.waiting];
    for (const request of inOrder) {
      if (!group.waiting.includes(request)) continue;
      const answer = answerTo(key, group, request);
      // What is too full for one stream more may still be shared by others; what they can't have, nobody can.
      if (answer === null && request.wish.stream !== true) break;
      if (answer === null) continue;
      group.waiting.splice(group.waiting.indexOf(request), 1);
      request.patience.abort("served");
      answer();
    }
    const isUnused = group.pooled.size + group.waiting.length === 0 && group.openings.isPlain();
    if (isUnused && groups.get(key) === group) groups.delete(key);
  }

  /** What gives the request its loan or tells it no; null when it has to wait. */
  function answerTo(key: string, group: Group<S>, request: Request<S>): (() => void) | null {
    const idle = takeIdle(key, group, request);
    if (idle !== null) return () => lendTo(key, group, idle, request, false);
    const alive = aliveOf(group);
    if (group.openings.mayOpen(alive.length)) return () => void openFor(key, group, request);
    const shared = leastShared(alive, request);
    if (shared !== undefined) return () => lendTo(key, group, shared, request, false);
    const paused = group.openings.paused();
    const isHopeless = alive.length === 0 && !group.openings.underWay();
    return paused !== null && isHopeless ? () => request.reject(paused) : null;
  }

  /** Closes on the way what can't be lent. */
  function takeIdle(key: string, group: Group<S>, { version, wish }: Request<S>): Pooled<S> | null {
    const wantsNew = wish.fresh === true && group.openings.paused() === null;
    const idle = [...group.pooled].filter((one) => one.resting !== null).reverse();
    for (const one of idle) {
      if (one.version === version && !one.session.dead && !wantsNew) return one;
      void retire(key, group, one);
    }
    return null;
  }

  function leastShared(alive: Pooled<S>[], { version, wish }: Request<S>): Pooled<S> | undefined {
    const most = wish.stream === true ? streamsPerSession - 1 : Infinity;
    return alive
      .filter((one) => one.version === version && !one.retired && !one.taken)
      .filter((one) => one.streams > 0 && one.streams <= most)
      .sort((a, b) => a.streams - b.streams)[0];
  }

  async function openFor(key: string, group: Group<S>, request: Request<S>): Promise<void> {
    group.openings.began();
    const { drops } = group;
    try {
      const session = await request.open();
      group.openings.ended();
      const retired = group.drops > drops;
      const one = { session, version: request.version, streams: 0, taken: false, retired, resting: null };
      group.pooled.add(one);
      if (request.wish.signal?.aborted === true) comeBack(key, group, one);
      else lendTo(key, group, one, request, true);
    } catch (error) {
      group.openings.ended();
      const isWorthWaiting = group.drops === drops && group.openings.learn(error, aliveOf(group).length);
      if (isWorthWaiting && request.wish.signal?.aborted !== true) queue(key, group, request, "first");
      else request.reject(error);
    }
    serve(key, group);
  }

  /** Has the request served, or makes it wait for a while. */
  function queue(key: string, group: Group<S>, request: Request<S>, at: "first" | "last"): void {
    request.patience = new AbortController();
    if (at === "first") group.waiting.unshift(request);
    else group.waiting.push(request);
    serve(key, group);
    if (request.patience.signal.aborted) return;
    const giveUp = (): void => {
      const place = group.waiting.indexOf(request);
      if (place < 0) return;
      group.waiting.splice(place, 1);
      request.reject(busy(`All sessions of this account were in use for ${limits.waitMs / 1000} seconds.`, 5));
    };
    void clock.sleep(limits.waitMs, request.patience.signal).then(giveUp);
  }

  function lendTo(key: string, group: Group<S>, one: Pooled<S>, request: Request<S>, fresh: boolean): void {
    one.resting?.abort("awake");
    one.resting = null;
    const isStream = request.wish.stream === true;
    if (isStream) one.streams += 1;
    else one.taken = true;
    let ended = false;
    const end = (keep: boolean): void => {
      if (ended) return;
      ended = true;
      if (isStream) one.streams -= 1;
      else one.taken = false;
      if (!keep) one.retired = true;
      if (one.streams === 0 && !one.taken) comeBack(key, group, one);
      serve(key, group);
    };
    request.resolve({ session: one.session, fresh, release: () => end(true), discard: () => end(false) });
  }

  /** Its last loan has ended. Nobody is made to wait for what somebody who left had asked for. */
  function comeBack(key: string, group: Group<S>, one: Pooled<S>): void {
    if (one.retired || one.session.dead || aliveOf(group).length > limit()) return void retire(key, group, one);
    const { unfinished } = one.session;
    if (unfinished === null) return rest(key, group, one);
    const settled = new AbortController();
    const settle = (then: typeof comeBack) => (): void => {
      if (settled.signal.aborted) return;
      settled.abort("settled");
      then(key, group, one);
      serve(key, group);
    };
    void unfinished.then(settle(comeBack));
    void clock.sleep(settleMs, settled.signal).then(settle((...args) => void retire(...args)));
  }

  function rest(key: string, group: Group<S>, one: Pooled<S>): void {
    const resting = new AbortController();
    one.resting = resting;
    // The set's order is that of coming back.
    group.pooled.delete(one);
    group.pooled.add(one);
    const end = (): void => {
      if (!resting.signal.aborted) void retire(key, group, one);
    };
    void clock.sleep(limits.idleMs, resting.signal).then(end);
  }

  /** Closes it; until it is closed it counts, as it does on the server. */
  async function retire(key: string, group: Group<S>, one: Pooled<S>): Promise<void> {
    one.resting?.abort("awake");
    one.resting = null;
    one.retired = true;
    group.pooled.delete(one);
    await group.openings.closing(one.session.close());
    serve(key, group);
  }

  async function renew(key: string): Promise<void> {
    const group = groups.get(key);
    if (group === undefined) return;
    for (const one of group.pooled) one.retired = true;
    const idle = [...group.pooled].filter((one) => one.resting !== null);
    await Promise.all(idle.map((one) => retire(key, group, one)));
  }

  function forgive(key: string): void {
    const group = groups.get(key);
    group?.openings.forget();
    if (group !== undefined) serve(key, group);
  }

  function drop(key: string): void {
    const group = groups.get(key);
    if (group === undefined) return;
    group.drops += 1;
    for (const request of group.waiting.splice(0)) {
      request.patience.abort("dropped");
      // Whoever waits holds the account as it was before.
      request.reject(busy("The account was changed while a session of it was waited for.", 1));
    }
    void renew(key);
    forgive(key);
  }

  /** Whoever asked is not there any more. */
  function withdraw(key: string, group: Group<S>, request: Request<S>): void {
    request.patience.abort("left");
    request.reject(callerLeft());
    const place = group.waiting.indexOf(request);
    if (place >= 0) group.waiting.splice(place, 1);
    serve(key, group);
  }

  return {
    async lend(key, version, open, wish = {}) {
      const { signal } = wish;
      if (signal?.aborted === true) throw callerLeft();
      const group = groupOf(key);
      const { promise, resolve, reject } = Promise.withResolvers<Lease<S>>();
      const request = { version, open, wish, resolve, reject, patience: new AbortController() };
      const leave = (): void => withdraw(key, group, request);
      signal?.addEventListener("abort", leave);
      queue(key, group, request, "last");
      return promise.finally(() => signal?.removeEventListener("abort", leave));
    },
    rests(key, version) {
      const pooled = [...(groups.get(key)?.pooled ?? [])];
      return pooled.some((one) => one.resting !== null && one.version === version && !one.session.dead);
    },
    awaited: (key) => (groups.get(key)?.waiting.length ?? 0) > 0,
    pause(key, failure) {
      groupOf(key).openings.pause(failure);
    },
    renew,
    forgive,
    drop,
    close() {
      for (const key of groups.keys()) drop(key);
    },
  };
}

/** For other reasons than its server's. */
function busy(detail: string, retryAfter: number): Failure {
  return new Failure("account-busy", detail, { fix: "Try again in a moment.", retryAfter });
}
