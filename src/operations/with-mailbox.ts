import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { MailboxLease, Mailboxes } from "../sessions/lend-mailbox.ts";
import type { AccountRow } from "../store/rows.ts";

export type WithMailbox = { mailboxes: Pick<Mailboxes, "lend"> };

/**
 * Runs a read on a lent session. One that had died unnoticed in the pool is replaced by the next; a session opened for this
 * call is the last try.
 */
export async function reading<T>(
  needs: WithMailbox,
  account: AccountRow,
  read: (mailbox: Mailbox) => Promise<T>,
): Promise<T> {
  for (;;) {
    const lease = await needs.mailboxes.lend(account);
    try {
      return await read(lease.session);
    } catch (error) {
      if (!diedInPool(lease, error)) throw error;
    } finally {
      lease.release();
    }
  }
}

/** Whether a session turned out to be gone that had been lying in the pool: the next one may well work. */
export function diedInPool(lease: MailboxLease, error: unknown): boolean {
  return !lease.fresh && lease.session.dead && error instanceof Failure && error.code === "upstream-unreachable";
}

/** Runs a write on a lent session, never twice. */
export async function writing<T>(
  needs: WithMailbox,
  account: AccountRow,
  write: (mailbox: Mailbox) => Promise<T>,
): Promise<T> {
  const lease = await needs.mailboxes.lend(account);
  try {
    return await write(lease.session);
  } finally {
    lease.release();
  }
}
