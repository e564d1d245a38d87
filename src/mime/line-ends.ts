import { invalid } from "../errors.ts";

const nul = 0x00;
const lf = 0x0a;
const cr = 0x0d;

/** Octets looked at in one go, so that a chunk of any size needs little memory of its own. */
const sliceLength = 64 * 1024;

/** RFC 5322 §2.1.1: octets of a line without its CRLF. */
export const maxLine = 998;

export type LineEnds = {
  /** The octets that are certain by now, in pieces of 128 KiB at most. */
  write(chunk: Uint8Array): Generator<Buffer>;
  /** What was held back; the last line ends, too. */
  end(): Buffer;
  /** Octets of the longest line that has come. */
  readonly longest: number;
};

/**
 * Makes every line of a message end in CRLF (RFC 5322 §2.1, RFC 5321 §2.3.8), as its octets arrive in pieces of any size: a
 * bare LF, a bare CR, and CR CR LF, which Windows makes of a CRLF that it takes for text. In what comes out a CR stands only
 * before a LF, and a LF only behind a CR: no two servers can disagree where a line, or the message, ends.
 * Fails `validation-failed` for a NUL (RFC 5322 §2.1, RFC 5321 §4.5.2).
 */
export function makeLineEnds(): LineEnds {
  /** CRs that wait for what follows: two at most. */
  let held = 0;
  /** Octets of the line that has begun, and of the longest before it. */
  let length = 0;
  let longest = 0;

  /** The octets of a slice, and whether there is a NUL behind them. In local variables: each octet passes here. */
  function normalise(slice: Uint8Array): { output: Buffer; hasNul: boolean } {
    const output = Buffer.allocUnsafe(slice.length + lineEndOctets(slice) + 4);
    let waiting = held;
    let written = 0;
    let lineStart = -length;
    let hasNul = false;
    for (let at = 0; at < slice.length; at++) {
      const octet = slice[at] ?? 0;
      if (octet > cr && waiting === 0) {
        output[written++] = octet;
        continue;
      }
      let ends = 0;
      if (octet !== cr) {
        ends = octet === lf ? 1 : waiting;
        waiting = 0;
      } else if (waiting === 2) ends = 1;
      else waiting++;
      for (; ends > 0; ends--) {
        longest = Math.max(longest, written - lineStart);
        output[written++] = cr;
        output[written++] = lf;
        lineStart = written;
      }
      hasNul = octet === nul;
      if (hasNul) break;
      if (octet !== cr && octet !== lf) output[written++] = octet;
    }
    held = waiting;
    length = written - lineStart;
    return { output: output.subarray(0, written), hasNul };
  }

  return {
    *write(chunk) {
      for (let at = 0; at < chunk.length; at += sliceLength) {
        const { output, hasNul } = normalise(chunk.subarray(at, at + sliceLength));
        if (output.length > 0) yield output;
        if (hasNul) throw invalid("", "nul", "A message has no NUL: mail servers can't pass it on as it is.");
      }
    },
    end() {
      const lineEnds = held > 0 ? held : length > 0 ? 1 : 0;
      longest = Math.max(longest, length);
      held = 0;
      length = 0;
      return Buffer.from("\r\n".repeat(lineEnds), "latin1");
    },
    get longest() {
      return Math.max(longest, length);
    },
  };
}

/** Each of them may become one octet more. */
function lineEndOctets(slice: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < slice.length; at++) if (slice[at] === cr || slice[at] === lf) count++;
  return count;
}
