import { Failure } from "../../src/errors.ts";
import type { Mailbox } from "../../src/mail/mailbox.ts";
import type { MailboxLease } from "../../src/sessions/lend-mailbox.ts";
import type { Wish } from "../../src/sessions/lease.ts";
import { createFakeClock } from "../fake-clock.ts";
import { accountRow } from "../store/rows.ts";

type Fake = { dead: boolean };

export const unreachable = new Failure("upstream-unreachable", "The connection was lost.");
export const account = accountRow();
export const staying = new AbortController().signal;

/** Lends sessions in turn, each opened for its loan or not, and notes how loans end. A stream may pause for 30 seconds. */
export function makeLoans(...fresh: boolean[]) {
  const clock = createFakeClock();
  const wishes: Wish[] = [];
  const ends: string[] = [];
  const sessions: Fake[] = [];
  const lend = async (_: unknown, wish: Wish = {}): Promise<MailboxLease> => {
    const isFresh = fresh[wishes.length];
    if (isFresh === undefined) throw new Error("lent too often");
    wishes.push(wish);
    const session: Fake = { dead: false };
    sessions.push(session);
    let isOver = false;
    const end = (how: string) => () => {
      if (!isOver) ends.push(how);
      isOver = true;
    };
    return {
      session: session as unknown as Mailbox,
      fresh: isFresh,
      release: end("released"),
      discard: end("discarded"),
      leave: end("left"),
      failed: (error) => void ends.push((error as Failure).code),
      pauseMs: 30_000,
    };
  };
  return { needs: { mailboxes: { lend }, clock }, clock, wishes, ends, sessions };
}

/** Work during which the connection turns out to be lost, each time. */
export const losing = async (mailbox: Mailbox): Promise<never> => {
  (mailbox as unknown as Fake).dead = true;
  throw unreachable;
};
