import { Failure } from "../errors.ts";
import type { Mailbox } from "../mail/mailbox.ts";
import { unlessLeft } from "../net/unless-left.ts";
import type { Clock } from "../observe.ts";
import type { MailboxLease } from "../sessions/lend-mailbox.ts";
import type { AccountRow } from "../store/rows.ts";
import { onceMore, type WithMailbox } from "./with-mailbox.ts";

/** What is there to send: octets still to come from the session, or that have come already; null where none are wanted. */
export type Content = AsyncIterable<Uint8Array> | Uint8Array | null;

/** `failed` is aborted, with the failure, when the stream fails while nobody reads from it. */
export type OctetStream = AsyncIterableIterator<Uint8Array> & { readonly failed?: AbortSignal };

/** `stream` is null where no octets were wanted. Who does not read it to its end returns it. */
export type LentStream<T> = T & { stream: OctetStream | null };

/** How often a stream is looked after that nobody reads from, milliseconds. */
const lookMs = 250;

/**
 * Opens a stream on a lent session, which others may share. The loan ends when the stream ends, fails or is returned, when
 * opening fails, and at once where nothing is left to be read or `signal` tells that the caller has left while he waited:
 * `request-timeout` then. While nobody reads from the stream, the loan ends as well when the session dies; and a pause that is
 * longer than the loan allows ends the stream, `request-timeout`.
 */
export async function lending<T extends object>(
  needs: WithMailbox & { clock: Clock },
  account: AccountRow,
  open: (mailbox: Mailbox) => Promise<{ about: T; content: Content }>,
  signal: AbortSignal,
): Promise<LentStream<T>> {
  return onceMore(needs, account, { stream: true, signal }, async (lease) => {
    try {
      const opened = await unlessLeft(signal, () => open(lease.session), returned);
      const { about, content } = opened;
      if (isToCome(content)) return { ...about, stream: ending(content, lease, needs.clock, signal) };
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

/** Nobody is there to read it. */
function returned({ content }: { content: Content }): void {
  if (isToCome(content)) leave(content[Symbol.asyncIterator]());
}

function leave(source: AsyncIterator<Uint8Array>): void {
  void source.return?.().catch(() => {});
}

async function* one(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}

/** Ends the loan exactly once, also when the stream is returned before its first octet (a generator would not notice). */
function ending(
  stream: AsyncIterable<Uint8Array>,
  lease: MailboxLease,
  clock: Clock,
  signal: AbortSignal,
): OctetStream {
  const source = stream[Symbol.asyncIterator]();
  const ended = new AbortController();
  // Before its first octet there is no answer yet, and nobody else to hear that the caller has left.
  let begun = false;
  /** Since when nobody asks for octets, milliseconds; null while somebody waits for them. */
  let pausedAt: number | null = clock.now();
  const failed = new AbortController();

  function end(): void {
    ended.abort("ended");
    lease.release();
  }

  async function lookAfter(): Promise<void> {
    for (;;) {
      await clock.sleep(lookMs, ended.signal);
      if (ended.signal.aborted) return;
      if (pausedAt === null) continue;
      // What it died of the source tells who asks it for more.
      if (lease.session.dead) lease.release();
      if (clock.now() - pausedAt < lease.pauseMs) continue;
      leave(source);
      end();
      failed.abort(pausedTooLong(lease.pauseMs));
    }
  }

  void lookAfter();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    failed: failed.signal,
    async next() {
      failed.signal.throwIfAborted();
      pausedAt = null;
      try {
        const step = await (begun ? source.next() : unlessLeft(signal, () => source.next()));
        begun = true;
        pausedAt = clock.now();
        if (step.done === true) end();
        return step;
      } catch (error) {
        if (!begun) leave(source);
        lease.failed(error);
        end();
        throw error;
      }
    },
    async return() {
      try {
        await source.return?.();
      } finally {
        end();
      }
      return { done: true, value: undefined };
    },
  };
}

function pausedTooLong(ms: number): Failure {
  const detail = `Nobody read from the download for ${ms / 1000} seconds, so its mailbox was given back.`;
  return new Failure("request-timeout", detail, { fix: "Ask for the rest by Range, with the ETag as If-Range." });
}
