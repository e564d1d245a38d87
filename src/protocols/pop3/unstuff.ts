/** Octets of an answer without its stuffing; `rest` is what follows the answer's end, null as long as that has not come. */
export type Unstuffed = { octets: Uint8Array; rest: Uint8Array | null };

const dot = 0x2e;
const cr = 0x0d;
const lf = 0x0a;
const none = new Uint8Array(0);
const lineAndDot = Buffer.from("\r\n.");

/**
 * Takes the byte-stuffing off a multi-line answer (RFC 1939 §3), piece by piece, wherever the pieces are cut. A line ends with
 * CRLF and nothing else; all octets but the leading dots pass as they are, the CRLF before the final dot among them. The
 * returned function changes the pieces that it is given.
 */
export function createUnstuffer(): (piece: Uint8Array) => Unstuffed {
  /** What came last. `dot` and `dotCr` at the start of a line are held back: they may be the end. */
  let state: "text" | "cr" | "lineStart" | "dot" | "dotCr" = "lineStart";

  return (piece) => {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    /** How far the octets are read, and how far they are written; what is between them was dots. */
    let read = 0;
    let written = 0;
    /** A CR was held back from the piece before. */
    let owesCr = false;

    while (read < bytes.length) {
      if (state === "lineStart" && bytes[read] === dot) {
        state = "dot";
        read++;
      } else if (state === "dot" && bytes[read] === cr) {
        state = "dotCr";
        read++;
      } else if (state === "dotCr" && bytes[read] === lf) {
        return { octets: withCr(owesCr, bytes.subarray(0, written)), rest: bytes.subarray(read + 1) };
      } else if (state === "dotCr") {
        if (read === 0) owesCr = true;
        else bytes[written++] = cr;
        state = "cr";
      } else if (state === "cr" && bytes[read] === lf) {
        bytes[written++] = lf;
        state = "lineStart";
        read++;
      } else {
        const found = bytes.indexOf(lineAndDot, read);
        const end = found < 0 ? bytes.length : found + 2;
        state = found < 0 ? lastOf(bytes, read, end) : "lineStart";
        if (written < read) bytes.copyWithin(written, read, end);
        written += end - read;
        read = end;
      }
    }
    return { octets: withCr(owesCr, bytes.subarray(0, written)), rest: null };
  };
}

/** How text ends that began at `from`. */
function lastOf(bytes: Buffer, from: number, end: number): "text" | "cr" | "lineStart" {
  if (bytes[end - 1] === cr) return "cr";
  return end - from >= 2 && bytes[end - 1] === lf && bytes[end - 2] === cr ? "lineStart" : "text";
}

function withCr(owesCr: boolean, octets: Uint8Array): Uint8Array {
  if (octets.length === 0) return owesCr ? Uint8Array.of(cr) : none;
  return owesCr ? Buffer.concat([Uint8Array.of(cr), octets]) : octets;
}
