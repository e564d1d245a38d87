import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import type { MailboxLease, Mailboxes } from "../sessions/lend-mailbox.ts";
import type { AccountRow } from "../store/rows.ts";

export type WithMailbox = { mailboxes: Pick<Mailboxes, "lend"> };

/**
 * Runs a read on a lent session. One that turns out to have died unnoticed, or dies over an answer that can't be read, is
 * replaced by a new one, once.
 */
export async function reading<T>(
  needs: WithMailbox,
  account: AccountRow,
  read: (mailbox: Mailbox) => Promise<T>,
): Promise<T> {
  return onceMore(needs, account, { stream: false }, (lease) => using(lease, read));
}

/** Runs a write on a lent session, never twice. */
export async function writing<T>(
  needs: WithMailbox,
  account: AccountRow,
  write: (mailbox: Mailbox) => Promise<T>,
): Promise<T> {
  return using(await needs.mailboxes.lend(account), write);
}

/**
 * Lends a session for a read, and a new one for a second try where that may well do. `read` ends the loan, or fails.
 */
export async function onceMore<T>(
  needs: WithMailbox,
  account: AccountRow,
  wish: { stream: boolean },
  read: (lease: MailboxLease) => Promise<T>,
): Promise<T> {
  const lease = await needs.mailboxes.lend(account, wish);
  try {
    return await read(lease);
  } catch (error) {
    if (!isWorthAnother(lease, error)) throw error;
  }
  return read(await needs.mailboxes.lend(account, { ...wish, fresh: true }));
}

async function using<T>(lease: MailboxLease, work: (mailbox: Mailbox) => Promise<T>): Promise<T> {
  try {
    return await work(lease.session);
  } catch (error) {
    lease.failed(error);
    throw error;
  } finally {
    lease.release();
  }
}

/**
 * Whether another session may well do: this one turned out to be gone that was there before the loan, or was given up over
 * an answer that can't be read, which the next one knows not to ask for.
 */
function isWorthAnother(lease: MailboxLease, error: unknown): boolean {
  if (!lease.session.dead || !(error instanceof Failure)) return false;
  return error.code === "upstream-protocol-error" || (!lease.fresh && error.code === "upstream-unreachable");
}
