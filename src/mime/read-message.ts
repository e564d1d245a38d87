import { maxBodyBytes, type PartOctets } from "../mail/mailbox.ts";
import type { Part } from "../mail/part.ts";
import { maxBodiesBytes, parsedBodies } from "./asked-parts.ts";
import { makeOctetPile } from "./octet-pile.ts";
import { scanMessage } from "./scan-message.ts";
import { canBeBody, isCalendar } from "./walk.ts";

export type MessageRead = {
  structure: Part;
  /** The raw header block, up to and with its empty line; 2 MiB of a longer one. */
  header: Uint8Array;
  /** The parts that make the body, and the calendar: 4 MiB of each, and of all texts of the message 16 MiB in their order. */
  bodies: PartOctets[];
  /** Octets of the whole message. */
  size: number;
};

/**
 * Reads a raw message to its end and keeps what can be told of it at once: some MiB at most, whatever its size. Which texts
 * are the body is known only when all parts were seen, so all that may be are kept until then. Fails only when `message` does.
 */
export async function readMessage(message: AsyncIterable<Uint8Array>): Promise<MessageRead> {
  const kept = new Map<Part, Uint8Array>();
  const pile = makeOctetPile(maxBodyBytes);
  let left = maxBodiesBytes;
  /** The innermost part that is in no message/rfc822. */
  let own: Part | null = null;
  let isText = false;
  const scan = scanMessage({
    begin(part) {
      if (own) return;
      own = part;
      isText = canBeBody(part) || isCalendar(part);
    },
    octets(octets) {
      if (isText) pile.add(octets);
    },
    end(part) {
      if (part !== own) return;
      own = null;
      if (!isText) return;
      isText = false;
      left -= pile.length;
      kept.set(part, pile.take(Math.min(maxBodyBytes, left)));
    },
  });
  for await (const chunk of message) scan.write(chunk);
  const { structure, header, size } = scan.end();
  return { structure, header, size, bodies: parsedBodies({ structure, bodyOf: (part) => kept.get(part) ?? null }) };
}
