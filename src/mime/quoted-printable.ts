const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const equals = 0x3d;

/** Octets that may wait for the next chunk: far more than the 76 of a line, so that only what is no mail is cut. */
const maxUndecided = 4096;

/**
 * Undoes quoted-printable (RFC 2045 §6.7) as the octets pass. White space at a line's end goes, a `=` before it is a soft
 * break, and what is malformed stays as it is. What only the next chunk can tell the meaning of waits for it.
 */
export async function* decodeQuotedPrintable(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of bytes) {
    const input = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let { output, taken } = decode(input, false);
    if (input.length - taken > maxUndecided) ({ output, taken } = decode(input, true));
    rest = Uint8Array.from(input.subarray(taken));
    if (output.length > 0) yield output;
  }
  const { output } = decode(rest, true);
  if (output.length > 0) yield output;
}

/** Decodes up to what only the next chunk decides, or all of it when there is none. */
function decode(input: Uint8Array, isLast: boolean): { output: Uint8Array; taken: number } {
  const output = Buffer.allocUnsafe(input.length);
  let at = 0;
  let written = 0;
  while (at < input.length) {
    const octet = input[at] ?? 0;
    if (octet !== equals && !isBlank(octet)) {
      output[written++] = octet;
      at++;
      continue;
    }
    const escaped = octet === equals ? hexPair(input, at + 1) : -1;
    if (escaped >= 0) {
      output[written++] = escaped;
      at += 3;
      continue;
    }
    const blankEnd = skipBlank(input, at + 1);
    const next = afterBreak(input, blankEnd);
    if (next === undecided && !isLast) break;
    if (octet === equals && !isLast && at + 2 === input.length) break;
    const isLineEnd = next > blankEnd || blankEnd === input.length;
    if (isLineEnd) at = octet === equals ? Math.max(next, blankEnd) : blankEnd;
    else for (const end = octet === equals ? at + 1 : blankEnd; at < end; at++) output[written++] = input[at] ?? 0;
  }
  return { output: output.subarray(0, written), taken: at };
}

const undecided = -1;

/** Behind the line break that stands at `at`; `at` itself where none does; `undecided` where the input ends too early. */
function afterBreak(input: Uint8Array, at: number): number {
  if (at === input.length) return undecided;
  if (input[at] === lf) return at + 1;
  if (input[at] !== cr) return at;
  if (at + 1 === input.length) return undecided;
  return input[at + 1] === lf ? at + 2 : at;
}

function isBlank(octet: number | undefined): boolean {
  return octet === space || octet === tab;
}

function skipBlank(input: Uint8Array, from: number): number {
  let at = from;
  while (isBlank(input[at])) at++;
  return at;
}

function hexPair(input: Uint8Array, at: number): number {
  const high = hexDigits[input[at] ?? 0] ?? -1;
  const low = hexDigits[input[at + 1] ?? 0] ?? -1;
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** The value of each octet as a hexadecimal digit of either case, or -1. */
const hexDigits = Int8Array.from({ length: 256 }, (_, octet) => {
  const digit = String.fromCharCode(octet);
  return /[0-9A-Fa-f]/.test(digit) ? Number.parseInt(digit, 16) : -1;
});
