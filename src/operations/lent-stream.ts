import type { Mailbox } from "../mail/mailbox.ts";
import type { MailboxLease } from "../sessions/lend-mailbox.ts";
import type { AccountRow } from "../store/rows.ts";
import { onceMore, type WithMailbox } from "./with-mailbox.ts";

/** What is there to send: octets still to come from the session, or that have come already; null where none are wanted. */
export type Content = AsyncIterable<Uint8Array> | Uint8Array | null;

/** `stream` is null where no octets were wanted. Who does not read it to its end returns it. */
export type LentStream<T> = T & { stream: AsyncIterableIterator<Uint8Array> | null };

/**
 * Opens a stream on a lent session, which others may share. The loan ends when the stream ends, fails or is returned, when
 * opening fails, and at once where nothing is left to be read.
 */
export async function lending<T extends object>(
  needs: WithMailbox,
  account: AccountRow,
  open: (mailbox: Mailbox) => Promise<{ about: T; content: Content }>,
): Promise<LentStream<T>> {
  return onceMore(needs, account, { stream: true }, async (lease) => {
    try {
      const { about, content } = await open(lease.session);
      const isToCome = content !== null && !(content instanceof Uint8Array);
      if (isToCome) return { ...about, stream: ending(content, lease) };
      lease.release();
      return { ...about, stream: content && one(content) };
    } catch (error) {
      lease.failed(error);
      lease.release();
      throw error;
    }
  });
}

async function* one(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}

/** Ends the loan exactly once, also when the stream is returned before its first octet (a generator would not notice). */
function ending(stream: AsyncIterable<Uint8Array>, lease: MailboxLease): AsyncIterableIterator<Uint8Array> {
  const source = stream[Symbol.asyncIterator]();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        const step = await source.next();
        if (step.done === true) lease.release();
        return step;
      } catch (error) {
        lease.failed(error);
        lease.release();
        throw error;
      }
    },
    async return() {
      try {
        await source.return?.();
      } finally {
        lease.release();
      }
      return { done: true, value: undefined };
    },
  };
}
