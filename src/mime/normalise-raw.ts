import { invalid } from "../errors.ts";
import { leavable } from "./leavable.ts";
import { makeLineEnds, maxLine, type LineEnds } from "./line-ends.ts";
import { makeOctetPile } from "./octet-pile.ts";
import { maxHead, type RawDefaults, type RawHead, readRawHead } from "./raw-head.ts";

const cr = 0x0d;
const lf = 0x0a;

/** A message on its way out, whose header has been read. */
export type NormalisedRaw = {
  head: RawHead;
  /** The whole message as it is sent, in chunks of 400 KiB at most. Fails `validation-failed` at a NUL, and as its source does. */
  octets: AsyncIterableIterator<Uint8Array>;
  /**
   * Warnings, complete when `octets` has ended: `line-too-long` where a line of the body has more than the 998 octets of
   * RFC 5322 §2.1.1. It is sent as it is: to change it would break what is signed or encoded, and most servers take it.
   */
  warnings(): "line-too-long"[];
  /** Whether the body has octets above 127, as far as `octets` has come: it takes 8BITMIME (RFC 6152) to send it. */
  isEightBit(): boolean;
};

/**
 * Makes a raw message (RFC 5322) that a stranger wrote fit to be sent, in constant memory: at most its header is held. All
 * lines end in CRLF (`makeLineEnds`), the last one too; Bcc and Resent-Bcc are removed; Date and Message-ID are added where
 * they are missing. All else stays octet for octet. Dots are not stuffed: that is SMTP's, which can't be misled by this
 * message, because its lines end in nothing but CRLF.
 *
 * Resolves when the header has been read, and fails then with `validation-failed`: a header of more than 256 KiB, a line of
 * it of more than 998 octets or that is no field, a NUL, no From, two of what there is one of. `message` is left when it
 * fails, or when `octets` is left; whoever never reads `octets` leaves it himself.
 *
 * @param message in chunks of any size; a chunk is not kept
 */
export async function normaliseRaw(message: AsyncIterable<Uint8Array>, defaults: RawDefaults): Promise<NormalisedRaw> {
  const lineEnds = makeLineEnds();
  const pieces = leavable(message, (chunks) => normalised(chunks, lineEnds));
  try {
    const { block, rest } = await readBlock(pieces);
    const { head, octets } = readRawHead(block, defaults);
    const first = Buffer.concat([octets, Buffer.from("\r\n", "latin1"), rest]);
    let isEightBit = hasEightBit(rest);
    const look = (piece: Uint8Array): void => void (isEightBit ||= hasEightBit(piece));
    return {
      head,
      octets: leavable(pieces, (others) => joined(first, others, look)),
      warnings: () => (lineEnds.longest > maxLine ? ["line-too-long"] : []),
      isEightBit: () => isEightBit,
    };
  } catch (error) {
    await pieces.return?.();
    throw error;
  }
}

async function* normalised(chunks: AsyncIterable<Uint8Array>, lineEnds: LineEnds): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield* lineEnds.write(chunk);
  const last = lineEnds.end();
  if (last.length > 0) yield last;
}

async function* joined(
  first: Uint8Array,
  others: AsyncIterable<Uint8Array>,
  look: (piece: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  yield first;
  for await (const piece of others) {
    look(piece);
    yield piece;
  }
}

/** An indexed loop: all octets of a message pass here. */
function hasEightBit(octets: Uint8Array): boolean {
  for (let at = 0; at < octets.length; at++) if ((octets[at] ?? 0) > 0x7f) return true;
  return false;
}

/** The header without its empty line, and what came behind that with it. A message that ends before has no body. */
async function readBlock(pieces: AsyncIterator<Uint8Array>): Promise<{ block: Buffer; rest: Uint8Array }> {
  const pile = makeOctetPile(maxHead + 1);
  /** How many octets of CR LF CR LF have come; the message begins as a line does. */
  let seen = 2;
  const endIn = (octets: Uint8Array): number => {
    for (let at = 0; at < octets.length; at++) {
      seen = octets[at] === (seen % 2 === 0 ? cr : lf) ? seen + 1 : 0;
      if (seen === 4) return at + 1;
    }
    return -1;
  };
  for (let step = await pieces.next(); step.done !== true; step = await pieces.next()) {
    const end = endIn(step.value);
    pile.add(end < 0 ? step.value : step.value.subarray(0, end));
    if (pile.length > maxHead) throw invalid("", "header-too-long", `The header has more than ${maxHead} octets.`);
    if (end >= 0) return { block: Buffer.from(pile.take().subarray(0, -2)), rest: step.value.subarray(end) };
  }
  return { block: Buffer.from(pile.take()), rest: new Uint8Array() };
}
