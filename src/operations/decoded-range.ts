import type { ByteRange } from "../mail/mailbox.ts";
import { resolveRange, type RangeAsked } from "../mail/range.ts";
import { makeOctetPile } from "../mime/octet-pile.ts";
import { callerLeft } from "../net/unless-left.ts";

/** Octets held in memory to find out what a range of a part is: all of a small part, or the range. */
const maxHeld = 4 * 1024 * 1024;

/** Octets read at most before there is an answer: more would keep the caller waiting for too long. */
const maxRead = 128 * 1024 * 1024;

type Ranged = { octets: Uint8Array; range: ByteRange; size: number | null };

/** What was read already comes first. */
type Whole = { whole: AsyncIterable<Uint8Array> };

/**
 * A range of a part whose size is known only when it has been read; `size` is null where the range ends before the part does.
 * Where nothing can be said of the range without reading too much, the whole is the answer (RFC 9110 §14.2 allows it). Fails
 * `range-not-satisfiable`, and `request-timeout` when the caller has left.
 *
 * @param stream the part, decoded; it is left, but for what comes in `whole`
 * @param encodedSize octets of the part as it is encoded, as the server tells; null where it does not
 */
export async function decodedRange(
  asked: RangeAsked,
  stream: AsyncIterable<Uint8Array>,
  encodedSize: number | null,
  signal: AbortSignal,
): Promise<Ranged | Whole> {
  const source = stream[Symbol.asyncIterator]();
  const answer = await read(source, { asked, isLarge: (encodedSize ?? 0) > maxHeld, signal }).catch(leaving(source));
  if (!("whole" in answer)) await source.return?.();
  return answer;
}

function leaving(source: AsyncIterator<Uint8Array>) {
  return async (error: unknown): Promise<never> => {
    await source.return?.();
    throw error;
  };
}

async function read(
  source: AsyncIterator<Uint8Array>,
  { asked, isLarge, signal }: { asked: RangeAsked; isLarge: boolean; signal: AbortSignal },
): Promise<Ranged | Whole> {
  const wanted = closed(asked);
  if (isLarge && wanted === null) return { whole: followedBy(null, source) };
  /** Octets from the start, or from the range's own once it is known that the part is large. */
  const held = makeOctetPile(Infinity);
  let at = 0;
  for (;;) {
    const step = await source.next();
    if (signal.aborted) throw callerLeft();
    if (step.done === true) {
      const range = resolveRange(asked, at);
      const from = isLarge ? (wanted?.start ?? 0) : 0;
      return { octets: held.take().subarray(range.start - from, range.end - from + 1), range, size: at };
    }
    const chunk = step.value;
    if (!isLarge || wanted === null) held.add(chunk);
    else if (at + chunk.length > wanted.start) held.add(chunk.subarray(Math.max(0, wanted.start - at)));
    at += chunk.length;
    if (!isLarge && at > maxHeld) {
      if (wanted === null) return { whole: followedBy(held.take(), source) };
      isLarge = true;
      held.add(held.take().subarray(wanted.start));
    }
    if (isLarge && wanted !== null && at > wanted.end + 1) {
      return { octets: held.take().subarray(0, wanted.end - wanted.start + 1), range: wanted, size: null };
    }
  }
}

/** The range, where its end is known beforehand and it is short and near enough. */
function closed(asked: RangeAsked): ByteRange | null {
  if ("suffix" in asked || asked.last === null) return null;
  const { first: start, last: end } = asked;
  return end - start > maxHeld || end > maxRead ? null : { start, end };
}

/** Not a generator: its `return` must reach the source at once. */
function followedBy(held: Uint8Array | null, source: AsyncIterator<Uint8Array>): AsyncIterableIterator<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const value = held;
      held = null;
      return value ? { done: false, value } : source.next();
    },
    async return() {
      held = null;
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
}
