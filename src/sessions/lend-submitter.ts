import type { Submitter } from "../mail/submitter.ts";
import type { Clock } from "../observe.ts";
import { createPool, type PoolLimits } from "./pool.ts";

export type SubmitterLease = { submitter: Submitter; release(): void; discard(): void };

/** Lends submitters: up to two per account, an idle one closed after half a minute, a loan waited for 10 s. */
export type Submitters = {
  /**
   * A submitter for one message at a time. One that was opened under another version of the account is not lent again.
   * Fails `account-busy`, or with what `open` fails with; connecting itself happens when it is used.
   */
  lend(accountId: string, version: number, open: () => Submitter): Promise<SubmitterLease>;
  /** Closes the account's submitters: it was changed or removed. */
  drop(accountId: string): void;
  close(): void;
};

const submitterLimits: PoolLimits = { limit: 2, idleMs: 30_000, waitMs: 10_000 };

export function createSubmitters(needs: { clock: Clock }, limits: PoolLimits = submitterLimits): Submitters {
  // A submitter connects again by itself, so it is never dead.
  const pool = createPool<{ submitter: Submitter; dead: false; close(): Promise<void> }>(needs.clock, limits);
  return {
    async lend(accountId, version, open) {
      const lease = await pool.lend(accountId, version, async () => {
        const submitter = open();
        return { submitter, dead: false, close: () => submitter.close() };
      });
      return { submitter: lease.session.submitter, release: () => lease.release(), discard: () => lease.discard() };
    },
    drop: (accountId) => pool.drop(accountId),
    close: () => pool.close(),
  };
}
