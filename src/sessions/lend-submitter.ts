import type { Submitter } from "../mail/submitter.ts";
import type { Clock } from "../observe.ts";
import { createLoginGate, type LoginGate } from "./login-gate.ts";
import type { LoginKey } from "./login-key.ts";
import { createPool, type Poolable, type PoolLimits } from "./pool.ts";

export type SubmitterLease = { submitter: Submitter; release(): void; discard(): void };

/** Lends submitters: up to two per account, an idle one closed after half a minute, a loan waited for 10 s. */
export type Submitters = {
  /**
   * A submitter for one message at a time. One that was opened with another server or password is not lent again.
   * Fails `account-busy`, or with what `open` fails with; connecting itself happens when it is used.
   */
  lend(login: LoginKey, open: () => Submitter): Promise<SubmitterLease>;
  /** Remembers refused logins on the outgoing side; who lends asks it first and tells it what came of it. */
  gate: LoginGate;
  /** Closes the account's submitters and forgets its refused logins: it was changed, verified or removed. */
  drop(accountId: string): void;
  close(): void;
};

const submitterLimits: PoolLimits = { limit: 2, idleMs: 30_000, waitMs: 10_000 };

export function createSubmitters(needs: { clock: Clock }, limits: PoolLimits = submitterLimits): Submitters {
  const pool = createPool<Poolable & { submitter: Submitter }>(needs.clock, limits);
  const gate = createLoginGate(needs.clock);
  return {
    gate,
    async lend(login, open) {
      const lease = await pool.lend(login.id, login.version, async () => {
        const submitter = open();
        // A submitter connects again by itself, so it is never dead.
        return { submitter, dead: false, unfinished: null, close: () => submitter.close() };
      });
      return { submitter: lease.session.submitter, release: () => lease.release(), discard: () => lease.discard() };
    },
    drop(accountId) {
      pool.drop(accountId);
      gate.passed(accountId);
    },
    close: () => pool.close(),
  };
}
