import { Failure } from "../errors.ts";
import type { Part } from "../mail/part.ts";
import { leavable } from "./leavable.ts";
import { scanMessage } from "./scan-message.ts";

/**
 * The octets of one part as they are encoded, cut out of a raw message as it arrives, in constant memory: `message` is asked
 * for a chunk only when one of the part is, and what is given are views of its chunks. It is left as soon as the part has
 * ended, or the reader leaves. Fails `not-found` at the end of a message without that part.
 *
 * @param section as IMAP numbers parts (RFC 9051 §6.4.5.1); a message/rfc822 is given whole, a multipart is none
 */
export function partOf(message: AsyncIterable<Uint8Array>, section: string): AsyncIterableIterator<Uint8Array> {
  return leavable(message, (chunks) => cut(chunks, section));
}

type Found = { part: Part | null; isOver: boolean; octets: Uint8Array[] };

async function* cut(chunks: AsyncIterable<Uint8Array>, section: string): AsyncGenerator<Uint8Array> {
  const found: Found = { part: null, isOver: false, octets: [] };
  const scan = scanMessage({
    begin(part) {
      if (part.section === section) found.part ??= part;
    },
    octets(octets) {
      if (found.part && !found.isOver) found.octets.push(octets);
    },
    end(part) {
      if (part === found.part) found.isOver = true;
    },
  });
  for await (const chunk of chunks) {
    scan.write(chunk);
    yield* found.octets.splice(0);
    if (found.isOver) return;
  }
  scan.end();
  yield* found.octets;
  if (!found.part) throw new Failure("not-found", "The message has no such part.");
}
