import type { ByteRange } from "../../mail/mailbox.ts";

/**
 * Octets `start` to `end` of a stream, as soon as the first of them has come; or how many octets there are, where it ended
 * before. The stream is left when the last has come, or when the reader leaves.
 */
export async function cut(
  source: AsyncIterableIterator<Uint8Array>,
  { start, end }: ByteRange,
): Promise<{ stream: AsyncIterableIterator<Uint8Array> } | { endedAt: number }> {
  let at = 0;
  for (;;) {
    const step = await source.next();
    if (step.done === true) return { endedAt: at };
    const next = at + step.value.length;
    if (next > start) return { stream: upTo(source, step.value.subarray(start - at), end - start + 1) };
    at = next;
  }
}

/** `first` and what follows, `left` octets together at most. Not a generator: its `return` must reach the source at once. */
function upTo(
  source: AsyncIterableIterator<Uint8Array>,
  first: Uint8Array | null,
  left: number,
): AsyncIterableIterator<Uint8Array> {
  const over: IteratorReturnResult<undefined> = { done: true, value: undefined };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (left <= 0) return over;
      const step = first === null ? await source.next() : { done: false as const, value: first };
      first = null;
      if (step.done === true) return over;
      const octets = step.value.subarray(0, left);
      left -= octets.length;
      if (left <= 0) await source.return?.();
      return { done: false, value: octets };
    },
    async return() {
      left = 0;
      await source.return?.();
      return over;
    },
  };
}
