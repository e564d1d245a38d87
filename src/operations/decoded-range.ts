import { Failure } from "../errors.ts";
import type { ByteRange } from "../mail/mailbox.ts";
import type { Part } from "../mail/part.ts";
import { resolveRange, type RangeAsked } from "../mail/range.ts";

/** Octets held in memory to find out what a range of a decoded part is: all of a small part, or the range. */
const maxHeld = 4 * 1024 * 1024;

/** Octets decoded at most before there is an answer: more would keep the caller waiting for too long. */
const maxRead = 128 * 1024 * 1024;

/**
 * A range of a part whose size is known only when it has been decoded. `size` is null where the range ends before the part
 * does. Null: nothing can be said of the range without reading too much, so that the whole is the answer (RFC 9110 §14.2
 * allows it). Fails `range-not-satisfiable`, and `request-timeout` when the caller has left.
 */
export async function decodedRange(
  asked: RangeAsked,
  part: Part,
  decoded: () => Promise<AsyncIterable<Uint8Array>>,
  signal: AbortSignal,
): Promise<{ octets: Uint8Array; range: ByteRange; size: number | null } | null> {
  const isSmall = part.encodedSize <= maxHeld;
  const wanted = isSmall ? { start: 0, end: maxHeld } : closed(asked);
  if (wanted === null || wanted.end - wanted.start > maxHeld || wanted.end > maxRead) return null;
  const { octets, size } = await read(await decoded(), wanted, signal);
  // A small part that has more octets than it can have is not what the server said it is.
  if (size === null && isSmall) return null;
  const range = size === null ? wanted : resolveRange(asked, size);
  return { octets: octets.subarray(range.start - wanted.start, range.end - wanted.start + 1), range, size };
}

function closed(asked: RangeAsked): ByteRange | null {
  if ("suffix" in asked || asked.last === null) return null;
  return { start: asked.first, end: asked.last };
}

/** The octets of a range as far as there are any, and the size where the end was seen. */
async function read(
  stream: AsyncIterable<Uint8Array>,
  { start, end }: ByteRange,
  signal: AbortSignal,
): Promise<{ octets: Uint8Array; size: number | null }> {
  const kept: Uint8Array[] = [];
  let at = 0;
  for await (const chunk of stream) {
    if (signal.aborted) throw new Failure("request-timeout", "The caller left before the answer.");
    // A view of what is skipped would keep it in memory.
    if (at + chunk.length > start) kept.push(chunk.subarray(Math.max(0, start - at), Math.max(0, end + 1 - at)));
    at += chunk.length;
    if (at > end + 1) return { octets: Buffer.concat(kept), size: null };
  }
  return { octets: Buffer.concat(kept), size: at };
}
