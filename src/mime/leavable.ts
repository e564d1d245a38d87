/**
 * A stream made of another, whose `return()` reaches the source at once: a generator's own waits for the octets that are on
 * their way, and tells the source nothing when it had not begun. Once it is left nothing comes of it any more, no failure either.
 */
export function leavable(
  bytes: AsyncIterable<Uint8Array>,
  change: (bytes: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array>,
): AsyncIterableIterator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  const changed = change({ [Symbol.asyncIterator]: () => source });
  const over: IteratorReturnResult<undefined> = { done: true, value: undefined };
  let isLeft = false;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (isLeft) return over;
      try {
        const next = await changed.next();
        return isLeft ? over : next;
      } catch (error) {
        if (isLeft) return over;
        throw error;
      }
    },
    async return() {
      isLeft = true;
      await source.return?.();
      return over;
    },
  };
}
