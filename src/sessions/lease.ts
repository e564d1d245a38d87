import type { Failure } from "../errors.ts";

/** How a session is wanted. */
export type Wish = {
  /**
   * For a stream, which leaves room for others between its pieces: while only streams hold a session, it is lent to one more
   * borrower where there is no other.
   */
  stream?: boolean;
  /** Opened now rather than one that has lain idle: those are closed. */
  fresh?: boolean;
  /** Aborted when it is wanted no more: the wait ends at once, and what is opened for it already is for others. */
  signal?: AbortSignal;
};

/** A session on loan. Exactly one of the two ends the loan; a second call does nothing. */
export type Lease<S> = {
  session: S;
  /** True when the session was opened for this loan. */
  fresh: boolean;
  /** Gives it back for the next one; a dead session is closed instead. */
  release(): void;
  /** It is in an unknown state: nobody gets it any more, and it is closed when its last loan ends. */
  discard(): void;
};

/** What a pool can hold: something that may die by itself and can be closed. */
export type Poolable = {
  readonly dead: boolean;
  /** What runs on it although nobody waits for it any more; null when nothing does. */
  readonly unfinished: Promise<unknown> | null;
  close(): Promise<void>;
};

export type PoolLimits = {
  /** Sessions open at once per key, in all processes together. */
  limit: number;
  /** How long an idle session stays open, milliseconds. */
  idleMs: number;
  /** How long a loan may be waited for, milliseconds. */
  waitMs: number;
};

export type Pool<S> = {
  lend(key: string, version: string, open: () => Promise<S>, wish?: Wish): Promise<Lease<S>>;
  /** Whether a session lies idle that would be lent. */
  rests(key: string, version: string): boolean;
  /** Whether somebody waits for a session. */
  awaited(key: string): boolean;
  /** Opens none for this key for as long as the failure's `retryAfter` says. */
  pause(key: string, failure: Failure): void;
  /** Lends none of the key's sessions again that are open now; resolves when those that are idle are closed. */
  renew(key: string): Promise<void>;
  /** Forgets what was learnt of the key's server, and lends to who waits. */
  forgive(key: string): void;
  /** Renews the key, has who waits try again, and forgets what was learnt of it. What is open still counts until it is closed. */
  drop(key: string): void;
  close(): void;
};
