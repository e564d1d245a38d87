/** A seeded generator (mulberry32), so that a failing case can be run again. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The octets in chunks of 0 to `most` octets. */
export async function* chunked(octets: Uint8Array, random: () => number, most: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < octets.length;) {
    const size = Math.floor(random() * (most + 1));
    yield octets.subarray(at, at + size);
    at += size;
  }
}

export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}
