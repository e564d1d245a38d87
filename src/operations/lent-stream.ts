import { Failure } from "../errors.ts";
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
 * opening fails, and at once where nothing is left to be read or `signal` tells that the caller has left while he waited:
 * `request-timeout` then.
 */
export async function lending<T extends object>(
  needs: WithMailbox,
  account: AccountRow,
  open: (mailbox: Mailbox) => Promise<{ about: T; content: Content }>,
  signal: AbortSignal,
): Promise<LentStream<T>> {
  return onceMore(needs, account, { stream: true }, async (lease) => {
    try {
      const opened = await unlessLeft(signal, () => open(lease.session), returned);
      const { about, content } = opened;
      if (isToCome(content)) return { ...about, stream: ending(content, lease, signal) };
      lease.release();
      return { ...about, stream: content && one(content) };
    } catch (error) {
      lease.failed(error);
      lease.release();
      throw error;
    }
  });
}

function isToCome(content: Content): content is AsyncIterable<Uint8Array> {
  return content !== null && !(content instanceof Uint8Array);
}

/** Waits for the work as long as there is a caller; `late` is told what came of it after that. */
async function unlessLeft<T>(signal: AbortSignal, work: () => Promise<T>, late?: (outcome: T) => void): Promise<T> {
  const left = new Failure("request-timeout", "The caller left before the answer.");
  if (signal.aborted) throw left;
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(left);
    signal.addEventListener("abort", leave);
    const settle = (outcome: T): void => (signal.aborted ? late?.(outcome) : resolve(outcome));
    void work()
      .then(settle, reject)
      .finally(() => signal.removeEventListener("abort", leave));
  });
}

/** Nobody is there to read it. */
function returned({ content }: { content: Content }): void {
  if (isToCome(content))
    void content[Symbol.asyncIterator]()
      .return?.()
      .catch(() => {});
}

async function* one(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}

/** Ends the loan exactly once, also when the stream is returned before its first octet (a generator would not notice). */
function ending(
  stream: AsyncIterable<Uint8Array>,
  lease: MailboxLease,
  signal: AbortSignal,
): AsyncIterableIterator<Uint8Array> {
  const source = stream[Symbol.asyncIterator]();
  // Before its first octet there is no answer yet, and nobody else to hear that the caller has left.
  let begun = false;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        const step = await (begun ? source.next() : unlessLeft(signal, () => source.next()));
        begun = true;
        if (step.done === true) lease.release();
        return step;
      } catch (error) {
        if (!begun) void source.return?.().catch(() => {});
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
