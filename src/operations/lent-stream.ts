import type { Mailbox } from "../mail/mailbox.ts";
import type { AccountRow } from "../store/rows.ts";
import { diedInPool, type WithMailbox } from "./with-mailbox.ts";

export type LentStream<T> = T & { stream: AsyncIterableIterator<Uint8Array> };

/** Opens a stream on a lent session. The loan ends when the stream ends, fails or is returned, or when opening fails. */
export async function lending<T extends { stream: AsyncIterable<Uint8Array> }>(
  needs: WithMailbox,
  account: AccountRow,
  open: (mailbox: Mailbox) => Promise<T>,
): Promise<LentStream<Omit<T, "stream">>> {
  for (;;) {
    const lease = await needs.mailboxes.lend(account);
    try {
      const opened = await open(lease.session);
      return { ...opened, stream: ending(opened.stream, () => lease.release()) };
    } catch (error) {
      lease.release();
      if (!diedInPool(lease, error)) throw error;
    }
  }
}

/** Calls `end` exactly once, also when the stream is returned before its first octet (a generator would not notice). */
function ending(stream: AsyncIterable<Uint8Array>, end: () => void): AsyncIterableIterator<Uint8Array> {
  const source = stream[Symbol.asyncIterator]();
  let ended = false;
  const endOnce = (): void => {
    if (!ended) end();
    ended = true;
  };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        const step = await source.next();
        if (step.done === true) endOnce();
        return step;
      } catch (error) {
        endOnce();
        throw error;
      }
    },
    async return() {
      try {
        await source.return?.();
      } finally {
        endOnce();
      }
      return { done: true, value: undefined };
    },
  };
}
