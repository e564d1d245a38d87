import { Failure } from "../../errors.ts";
import type { ByteRange } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { assertSection, type PartFacts } from "../../mail/part.ts";
import { assertRange, whole } from "../../mail/range.ts";
import { findPart, isAttachment } from "../../mime/walk.ts";
import { getMessage } from "./get-message.ts";
import { openPart } from "./open-part.ts";
import { countable } from "./partial-fetch.ts";
import type { Session } from "./session.ts";

/**
 * An attachment's octets as they are encoded, in constant memory, once the message's structure has told what it is. Fails:
 * `message-gone`, `not-found`, `range-not-satisfiable`.
 */
export async function openAttachment(
  session: Session,
  place: ImapPlace,
  section: string,
  choose: (part: PartFacts) => ByteRange | null = () => whole,
): Promise<{ part: PartFacts; stream: AsyncIterable<Uint8Array> | null }> {
  assertSection(section);
  const { structure } = (await getMessage(session, place, { structure: true })).summary;
  const part = structure && findPart(structure, section);
  if (!part || !isAttachment(structure, part)) {
    throw new Failure("not-found", "The message has no attachment with this id.", {
      fix: "GET the message for its attachments.",
    });
  }
  const range = choose(part);
  if (range === null) return { part, stream: null };
  assertRange(range, countable);
  return { part, stream: await openPart(session, place, section, range) };
}
