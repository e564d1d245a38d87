const cr = 0x0d;
const lf = 0x0a;

/**
 * A message, read as it comes into one piece of memory of `room` octets, whose lines all end in CRLF (RFC 5322 §2.1): each bare
 * LF becomes one. All else stays as it is, a bare CR too. Null where it is longer than that; the rest is left unread.
 */
export async function readCrlf(chunks: AsyncIterable<Uint8Array>, room: number): Promise<Uint8Array | null> {
  const whole = Buffer.allocUnsafe(room);
  let length = 0;
  let last = 0;
  for await (const chunk of chunks) {
    for (const octet of chunk) {
      if (octet === lf && last !== cr) whole[length++] = cr;
      whole[length++] = octet;
      last = octet;
    }
    if (length > room) return null;
  }
  return whole.subarray(0, length);
}
