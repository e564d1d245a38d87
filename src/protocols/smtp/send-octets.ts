import { beforeFirst, dotStuff } from "./dot-stuff.ts";
import type { Wire } from "./wire.ts";

const blockLength = 64 * 1024;

/**
 * Sends a message's octets after DATA was granted, all but the final dot, as fast as the line takes them. Ends early when the line is lost or
 * the server has answered already. Fails with what `bytes` fails with.
 * @param blockMs how long the server may take for a block
 * @returns the message's last octet
 */
export async function sendOctets(
  wire: Wire,
  bytes: AsyncIterable<Uint8Array> | Uint8Array,
  blockMs: number,
): Promise<number> {
  let last = beforeFirst;
  const isOver = (): boolean => wire.lost() !== null || wire.heard();

  async function send(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length && !isOver(); at += blockLength) {
      const block = piece.subarray(at, at + blockLength);
      wire.begin("DATA", blockMs);
      wire.write(dotStuff(block, last));
      last = block.at(-1) ?? last;
      await wire.room();
    }
  }

  if (bytes instanceof Uint8Array) {
    await send(bytes);
    return last;
  }
  for await (const piece of bytes) {
    await send(piece);
    if (isOver()) break;
  }
  return last;
}
