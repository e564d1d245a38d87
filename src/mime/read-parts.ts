import type { PartOctets } from "../mail/mailbox.ts";
import type { Part } from "../mail/part.ts";
import { makeOctetPile, type OctetPile } from "./octet-pile.ts";
import { scanMessage } from "./scan-message.ts";

/** A part that is no multipart and no message, by its section, and how many octets of it at most. */
export type PartWanted = { part: Part; length: number };

/**
 * Reads a raw message to its end and keeps these parts of it, as they are encoded: in the memory that they take. One that the
 * message does not have is empty. Fails only when `message` does.
 */
export async function readParts(message: AsyncIterable<Uint8Array>, wanted: PartWanted[]): Promise<PartOctets[]> {
  const piles = new Map(wanted.map(({ part, length }) => [part.section, makeOctetPile(length)]));
  const sizes = new Map<string, number>();
  let open: { part: Part; pile: OctetPile } | null = null;
  const scan = scanMessage({
    begin(part) {
      const pile = part.children.length === 0 ? piles.get(part.section) : undefined;
      if (pile && !sizes.has(part.section)) open = { part, pile };
    },
    octets: (octets) => open?.pile.add(octets),
    end(part) {
      if (part !== open?.part) return;
      sizes.set(part.section, part.encodedSize);
      open = null;
    },
  });
  for await (const chunk of message) scan.write(chunk);
  scan.end();
  return wanted.map(({ part }) => {
    const bytes = piles.get(part.section)?.take() ?? new Uint8Array();
    return { part, bytes, truncated: bytes.length < (sizes.get(part.section) ?? part.encodedSize) };
  });
}
