import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import { callerLeft, unlessLeft } from "../net/unless-left.ts";
import type { MailboxLease, Mailboxes } from "../sessions/lend-mailbox.ts";
import type { Wish } from "../sessions/lease.ts";
import type { AccountRow } from "../store/rows.ts";

export type WithMailbox = { mailboxes: Pick<Mailboxes, "lend"> };

/**
 * Runs a read on a lent session. One that turns out to have died unnoticed, or dies over an answer that can't be read, is
 * replaced by a new one, once. `signal` tells that the caller has left: the wait ends at once, `request-timeout`, and what was
 * begun holds up nobody.
 */
export async function reading<T>(
  needs: WithMailbox,
  account: AccountRow,
  read: (mailbox: Mailbox) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return onceMore(needs, account, { signal }, (lease) => readOn(lease, read, signal));
}

/**
 * Runs a write on a lent session, never twice: not at all when the caller has left before, and to its end once it was begun. A write that goes
 * on after a failure tells it by `failed`.
 */
export async function writing<T>(
  needs: WithMailbox,
  account: AccountRow,
  write: (mailbox: Mailbox, failed: (error: unknown) => void) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const lease = await needs.mailboxes.lend(account, { signal });
  try {
    if (signal.aborted) throw callerLeft();
    return await write(lease.session, (error) => lease.failed(error));
  } catch (error) {
    lease.failed(error);
    throw error;
  } finally {
    lease.release();
  }
}

/**
 * Lends a session for a read, and a new one for a second try where that may well do. `read` ends the loan, or fails.
 */
export async function onceMore<T>(
  needs: WithMailbox,
  account: AccountRow,
  wish: Omit<Wish, "fresh">,
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

async function readOn<T>(lease: MailboxLease, read: (mailbox: Mailbox) => Promise<T>, signal: AbortSignal): Promise<T> {
  let reading: Promise<unknown> = Promise.resolve();
  try {
    const found = await unlessLeft(signal, () => {
      const work = read(lease.session);
      reading = work;
      return work;
    });
    lease.release();
    return found;
  } catch (error) {
    lease.failed(error);
    if (signal.aborted) lease.leave(reading);
    else lease.release();
    throw error;
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
