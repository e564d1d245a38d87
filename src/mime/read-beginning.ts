import type { PartOctets } from "../mail/mailbox.ts";
import type { Part } from "../mail/part.ts";
import { makeOctetPile } from "./octet-pile.ts";
import { scanMessage } from "./scan-message.ts";
import { canBeBody, previewPart } from "./walk.ts";

/**
 * The first octets of the text that a message begins with, from the message's own beginning, wherever that is cut; null where
 * none of it is text.
 *
 * @param raw the header block and what follows
 * @param octets of the text, as it is encoded, at most
 * @param isWhole whether that is all of the message
 */
export function readBeginning(
  raw: Uint8Array,
  { octets, isWhole }: { octets: number; isWhole: boolean },
): PartOctets | null {
  const piles = new Map<Part, ReturnType<typeof makeOctetPile>>();
  const ended = new Set<Part>();
  /** The innermost part that is in no message/rfc822. */
  let own: Part | null = null;
  let isOver = false;
  const scan = scanMessage({
    begin(part) {
      own ??= part;
      if (own === part && canBeBody(part)) piles.set(part, makeOctetPile(octets));
    },
    octets(some) {
      if (own) piles.get(own)?.add(some);
    },
    end(part) {
      if (!isOver) ended.add(part);
      if (part === own) own = null;
    },
  });
  scan.write(raw);
  isOver = !isWhole;
  const { structure } = scan.end();
  const part = previewPart(structure);
  const bytes = part && piles.get(part)?.take();
  return part && bytes ? { part, bytes, truncated: !ended.has(part) || part.encodedSize > bytes.length } : null;
}
