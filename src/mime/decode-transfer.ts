import { decodeQuotedPrintable } from "./quoted-printable.ts";

/**
 * Undoes a Content-Transfer-Encoding (RFC 2045 §6) as the octets pass, in constant memory. An encoding that is 7bit, 8bit,
 * binary or unknown passes unchanged. Broken input never fails: octets that mean nothing in base64 are skipped, and what is
 * malformed in quoted-printable stays as it is. Only `bytes` can make it throw.
 */
export function decodeTransfer(encoding: string, bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  switch (encoding.trim().toLowerCase()) {
    case "base64":
      return leavable(bytes, decodeBase64);
    case "quoted-printable":
      return leavable(bytes, decodeQuotedPrintable);
    default:
      return bytes;
  }
}

/**
 * A decoded stream whose `return()` reaches the source at once: a generator's own waits for the octets that are on their
 * way, and tells the source nothing when it had not begun.
 */
function leavable(
  bytes: AsyncIterable<Uint8Array>,
  decode: (bytes: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array>,
): AsyncIterableIterator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  const decoded = decode({ [Symbol.asyncIterator]: () => source });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => decoded.next(),
    async return() {
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
}

/** Characters decoded at a time: short strings die young, long ones pile up until the next full collection. */
const sliceLength = 32 * 1024;

/** RFC 2045 §6.8, with padding taken anywhere: encoded blocks that were joined come out joined. */
async function* decodeBase64(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = "";
  for await (const chunk of bytes) {
    const encoded = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const decoded = Buffer.allocUnsafe(Math.ceil(((rest.length + chunk.length) * 3) / 4));
    let length = 0;
    for (let start = 0; start < encoded.length; start += sliceLength) {
      const slice = encoded.toString("latin1", start, start + sliceLength);
      const characters = rest + slice.replace(/[^A-Za-z0-9+/=]+/g, "");
      const padding = characters.lastIndexOf("=") + 1;
      const end = characters.length - ((characters.length - padding) % 4);
      rest = characters.slice(end);
      for (const block of blocksOf(characters.slice(0, end), padding)) length += decoded.write(block, length, "base64");
    }
    if (length > 0) yield decoded.subarray(0, length);
  }
  const last = Buffer.from(rest, "base64");
  if (last.length > 0) yield last;
}

function blocksOf(characters: string, padding: number): string[] {
  return padding === 0 ? [characters] : characters.split(/=+/);
}
