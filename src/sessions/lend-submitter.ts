import type { Fleet } from "../mail/fleet.ts";
import type { Submitter, SubmitterLimits } from "../mail/submitter.ts";
import type { Clock } from "../observe.ts";
import { createLoginGate, type LoginGate } from "./login-gate.ts";
import type { LoginKey } from "./login-key.ts";
import type { Poolable, PoolLimits } from "./lease.ts";
import { createPool } from "./pool.ts";

export type SubmitterLease = { submitter: Submitter; release(): void; discard(): void };

/** Lends submitters: up to three per account, an idle one closed after half a minute, a loan waited for 10 s. */
export type Submitters = {
  /**
   * A submitter that is logged in, for one message at a time. One that was opened with another server or password is not lent again. Where the
   * server allows fewer sessions than we do, those that are open are waited for.
   * Fails `account-busy`, or with what `Submitter.limits` fails with.
   */
  lend(login: LoginKey, open: () => Submitter): Promise<SubmitterLease>;
  /** What the server announced when a session of that login was last opened; null where that is not known, or an hour ago. */
  limitsOf(login: LoginKey): SubmitterLimits | null;
  /** The same submitter, whose server's limits are remembered when it is asked for them. */
  noted(login: LoginKey, submitter: Submitter): Submitter;
  /** Remembers refused logins on the outgoing side; who lends asks it first and tells it what came of it. */
  gate: LoginGate;
  /** One can log in: forgets the account's refused logins, and what was learnt of its server. */
  proved(accountId: string): void;
  /** Closes the account's submitters and forgets its refused logins: it was changed or removed. */
  drop(accountId: string): void;
  close(): void;
};

const submitterLimits: PoolLimits = { limit: 3, idleMs: 30_000, waitMs: 10_000 };

/** How long limits are believed without a session that confirms them, milliseconds: a server whose limit was raised must be asked again. */
const believeMs = 3_600_000;

/** Logins whose limits are remembered. */
const loginsKept = 10_000;

export function createSubmitters(
  needs: { clock: Clock; fleet?: Fleet },
  limits: PoolLimits = submitterLimits,
): Submitters {
  const { clock } = needs;
  const pool = createPool<Poolable & { submitter: Submitter }>(clock, limits, needs.fleet);
  const gate = createLoginGate(clock);
  const known = new Map<string, { version: string; limits: SubmitterLimits; until: number }>();

  /** By account: another version's make place for these. The map's order is that of noting. */
  function note({ id, version }: LoginKey, told: SubmitterLimits): void {
    known.delete(id);
    known.set(id, { version, limits: told, until: clock.now() + believeMs });
    const oldest = known.keys().next().value;
    if (known.size > loginsKept && oldest !== undefined) known.delete(oldest);
  }

  function noted(login: LoginKey, submitter: Submitter): Submitter {
    return {
      async limits() {
        const told = await submitter.limits();
        note(login, told);
        return told;
      },
      submit: (bytes, envelope, options) => submitter.submit(bytes, envelope, options),
      close: () => submitter.close(),
    };
  }

  return {
    gate,
    noted,
    async lend(login, open) {
      const lease = await pool.lend(login.id, login.version, async () => {
        const submitter = open();
        note(login, await submitter.limits());
        // A submitter connects again by itself, so it is never dead.
        return { submitter, dead: false, unfinished: null, close: () => submitter.close() };
      });
      return { submitter: lease.session.submitter, release: () => lease.release(), discard: () => lease.discard() };
    },
    limitsOf(login) {
      const last = known.get(login.id);
      return last !== undefined && last.version === login.version && clock.now() < last.until ? last.limits : null;
    },
    proved(accountId) {
      pool.forgive(accountId);
      gate.passed(accountId);
    },
    drop(accountId) {
      pool.drop(accountId);
      gate.passed(accountId);
    },
    close: () => pool.close(),
  };
}
