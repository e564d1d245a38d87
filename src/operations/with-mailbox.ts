import type { Mailbox } from "../mail/mailbox.ts";
import type { Mailboxes } from "../sessions/lend-mailbox.ts";
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
      if (lease.fresh || !lease.session.dead) throw error;
    } finally {
      lease.release();
    }
  }
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
