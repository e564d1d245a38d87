const lf = 0x0a;
const cr = 0x0d;

/** Cuts what a server says into lines and pieces. */
export type Reader = {
  /** Octets that have come and are not read yet. */
  readonly buffered: number;
  /** The next line without its CRLF (or bare LF); null once it is longer than `max` octets. */
  line(max: number): Promise<Buffer | null>;
  /** The same at once, where the whole line is there already; null where it is not, or is too long. */
  lineThere(max: number): Buffer | null;
  /** What is there already, maybe nothing. */
  take(): Uint8Array;
  /** What is there or comes next, at least one octet. */
  piece(): Promise<Uint8Array>;
  /** Gives back what was read too much. */
  putBack(octets: Uint8Array): void;
};

/** `more` brings the next octets, or fails. */
export function makeReader(more: () => Promise<Uint8Array>): Reader {
  let pending: Buffer = Buffer.alloc(0);

  function take(length = pending.length): Buffer {
    const taken = pending.subarray(0, length);
    pending = pending.subarray(length);
    return taken;
  }

  function putBack(octets: Uint8Array): void {
    const back = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    pending = pending.length === 0 ? back : Buffer.concat([back, pending]);
  }

  return {
    get buffered() {
      return pending.length;
    },
    async line(max) {
      const pieces: Buffer[] = [];
      let length = 0;
      for (;;) {
        const end = pending.indexOf(lf);
        const piece = take(end < 0 ? undefined : end + 1);
        length += piece.length;
        pieces.push(piece);
        if (length > max) return null;
        if (end >= 0) break;
        putBack(await more());
      }
      return withoutEnd(pieces.length === 1 ? (pieces[0] ?? pending) : Buffer.concat(pieces));
    },
    lineThere(max) {
      const end = pending.indexOf(lf);
      return end < 0 || end >= max ? null : withoutEnd(take(end + 1));
    },
    take: () => take(),
    async piece() {
      while (pending.length === 0) putBack(await more());
      return take();
    },
    putBack,
  };
}

function withoutEnd(line: Buffer): Buffer {
  return line.subarray(0, line.at(-2) === cr ? -2 : -1);
}
