import { Failure } from "../errors.ts";
import type { Clock } from "../observe.ts";

/** What a pool can hold: something that may die by itself and can be closed. */
export type Poolable = { readonly dead: boolean; close(): Promise<void> };

/** A session on loan. Exactly one of the two ends the loan; a second call does nothing. */
export type Lease<S> = {
  session: S;
  /** True when the session was opened for this loan. */
  fresh: boolean;
  /** Gives it back for the next one; a dead session is closed instead. */
  release(): void;
  /** Closes it: it is in an unknown state. */
  discard(): void;
};

export type PoolLimits = {
  /** Sessions open at once per key. */
  limit: number;
  /** How long an idle session stays open, milliseconds. */
  idleMs: number;
  /** How long a loan may be waited for, milliseconds. */
  waitMs: number;
};

type Idle<S> = { session: S; version: string; timer: AbortController };
type Waiter<S> = {
  version: string;
  open: () => Promise<S>;
  resolve: (lease: Lease<S> | Promise<Lease<S>>) => void;
  patience: AbortController;
};
type Bay<S> = { idle: Idle<S>[]; open: number; waiting: Waiter<S>[]; closed: boolean };

/**
 * A pool of sessions per key (an account). A session opened under another `version` is never lent.
 * `lend` fails with `account-busy` when the wait ran out, and with whatever `open` fails with.
 */
export function createPool<S extends Poolable>(clock: Clock, limits: PoolLimits): Pool<S> {
  const bays = new Map<string, Bay<S>>();

  function bayOf(key: string): Bay<S> {
    let bay = bays.get(key);
    if (bay === undefined) bays.set(key, (bay = { idle: [], open: 0, waiting: [], closed: false }));
    return bay;
  }

  function takeIdle(bay: Bay<S>, version: string): S | null {
    for (let entry = bay.idle.pop(); entry !== undefined; entry = bay.idle.pop()) {
      entry.timer.abort();
      if (entry.version === version && !entry.session.dead) return entry.session;
      bay.open -= 1;
      void entry.session.close();
    }
    return null;
  }

  /** A loan if one can be had now; null when all sessions are out. */
  function tryLend(key: string, bay: Bay<S>, version: string, open: () => Promise<S>): Promise<Lease<S>> | null {
    const session = takeIdle(bay, version);
    if (session !== null) return Promise.resolve(leaseOf(key, bay, version, session, false));
    if (bay.open >= limits.limit) return null;
    bay.open += 1;
    return open().then(
      (opened) => leaseOf(key, bay, version, opened, true),
      (error: unknown) => {
        bay.open -= 1;
        pump(key, bay);
        throw error;
      },
    );
  }

  /** Serves who waits, in the order of arrival, as far as there are sessions. */
  function pump(key: string, bay: Bay<S>): void {
    for (let waiter = bay.waiting[0]; waiter !== undefined; waiter = bay.waiting[0]) {
      const lease = tryLend(key, bay, waiter.version, waiter.open);
      if (lease === null) return;
      bay.waiting.shift();
      waiter.patience.abort();
      waiter.resolve(lease);
    }
    if (bay.open === 0 && bays.get(key) === bay) bays.delete(key);
  }

  function leaseOf(key: string, bay: Bay<S>, version: string, session: S, fresh: boolean): Lease<S> {
    let ended = false;
    const end = (keep: boolean): void => {
      if (ended) return;
      ended = true;
      if (keep && !session.dead && !bay.closed) rest(key, bay, version, session);
      else {
        bay.open -= 1;
        void session.close();
      }
      pump(key, bay);
    };
    return { session, fresh, release: () => end(true), discard: () => end(false) };
  }

  function rest(key: string, bay: Bay<S>, version: string, session: S): void {
    const entry = { session, version, timer: new AbortController() };
    bay.idle.push(entry);
    const retire = (): void => {
      const at = bay.idle.indexOf(entry);
      if (at < 0) return;
      bay.idle.splice(at, 1);
      bay.open -= 1;
      void session.close();
      pump(key, bay);
    };
    void clock.sleep(limits.idleMs, entry.timer.signal).then(retire);
  }

  function drop(key: string): void {
    const bay = bays.get(key);
    if (bay === undefined) return;
    bay.closed = true;
    bays.delete(key);
    for (const entry of bay.idle.splice(0)) {
      entry.timer.abort();
      bay.open -= 1;
      void entry.session.close();
    }
  }

  return {
    lend(key, version, open) {
      const bay = bayOf(key);
      const lease = bay.waiting.length === 0 ? tryLend(key, bay, version, open) : null;
      if (lease !== null) return lease;
      return new Promise((resolve, reject) => {
        const waiter: Waiter<S> = { version, open, resolve, patience: new AbortController() };
        bay.waiting.push(waiter);
        const giveUp = (): void => {
          const at = bay.waiting.indexOf(waiter);
          if (at < 0) return;
          bay.waiting.splice(at, 1);
          reject(busy(limits));
        };
        void clock.sleep(limits.waitMs, waiter.patience.signal).then(giveUp);
      });
    },
    drop,
    close() {
      for (const key of bays.keys()) drop(key);
    },
  };
}

function busy(limits: PoolLimits): Failure {
  const detail = `All ${limits.limit} sessions of this account were in use for ${limits.waitMs / 1000} seconds.`;
  return new Failure("account-busy", detail, {
    fix: "Finish or cancel downloads from this account, then try again.",
    retryAfter: 5,
  });
}

export type Pool<S> = {
  lend(key: string, version: string, open: () => Promise<S>): Promise<Lease<S>>;
  /** Closes the key's idle sessions now, and those on loan when they come back. */
  drop(key: string): void;
  close(): void;
};
