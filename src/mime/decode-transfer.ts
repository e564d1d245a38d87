import { decodeQuotedPrintable } from "./quoted-printable.ts";

/**
 * Undoes a Content-Transfer-Encoding (RFC 2045 §6) as the octets pass, in constant memory. An encoding that is 7bit, 8bit,
 * binary or unknown passes unchanged. Broken input never fails: octets that mean nothing in base64 are skipped, and what is
 * malformed in quoted-printable stays as it is. Only `bytes` can make it throw.
 */
export function decodeTransfer(encoding: string, bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  switch (encoding.trim().toLowerCase()) {
    case "base64":
      return decodeBase64(bytes);
    case "quoted-printable":
      return decodeQuotedPrintable(bytes);
    default:
      return bytes;
  }
}

/** RFC 2045 §6.8, with padding taken anywhere: encoded blocks that were joined come out joined. */
async function* decodeBase64(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = "";
  for await (const chunk of bytes) {
    const characters = rest + latin1(chunk).replace(/[^A-Za-z0-9+/=]+/g, "");
    const padding = characters.lastIndexOf("=") + 1;
    const end = characters.length - ((characters.length - padding) % 4);
    rest = characters.slice(end);
    if (end > 0) yield* decodeBlocks(characters.slice(0, end), padding);
  }
  const last = Buffer.from(rest, "base64");
  if (last.length > 0) yield last;
}

function* decodeBlocks(characters: string, padding: number): Generator<Uint8Array> {
  const blocks = padding === 0 ? [characters] : characters.split(/=+/);
  const decoded = Buffer.concat(blocks.map((block) => Buffer.from(block, "base64")));
  if (decoded.length > 0) yield decoded;
}

function latin1(chunk: Uint8Array): string {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
}
