const cr = 0x0d;
const lf = 0x0a;
const dot = 0x2e;

const insertions = { cr: Buffer.from("\r"), lf: Buffer.from("\n"), dot: Buffer.from("."), lfDot: Buffer.from("\n.") };

/** What counts as the octet before a message's first. */
export const beforeFirst = lf;

/**
 * A piece of a message as it stands between DATA and the final dot (RFC 5321 §4.5.2). A lone CR or LF becomes CRLF: a server that takes one for a line's
 * end would find its own end of the message.
 * @param before the octet before the piece
 * @returns the piece itself where nothing is to be put in
 */
export function dotStuff(piece: Uint8Array, before: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let from = 0;
  let last = before;
  for (let at = 0; at < piece.length; at += 1) {
    const octet = piece[at] ?? 0;
    const missing = missingBetween(last, octet);
    last = octet;
    if (missing === null) continue;
    parts.push(piece.subarray(from, at), missing);
    from = at;
  }
  return parts.length === 0 ? piece : Buffer.concat([...parts, piece.subarray(from)]);
}

function missingBetween(last: number, octet: number): Uint8Array | null {
  if (last === cr) return octet === lf ? null : octet === dot ? insertions.lfDot : insertions.lf;
  if (octet === lf) return insertions.cr;
  return octet === dot && last === lf ? insertions.dot : null;
}

const ends = { afterLine: Buffer.from(".\r\n"), afterCr: Buffer.from("\n.\r\n"), inLine: Buffer.from("\r\n.\r\n") };

/** The end of the data after that octet: the line's end where it is missing, and the final dot. */
export function finalDot(last: number): Uint8Array {
  return last === lf ? ends.afterLine : last === cr ? ends.afterCr : ends.inLine;
}
