import type { ByteRange, Mailbox } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";
import type { PartFacts } from "../mail/part.ts";
import { resolveRange, whole, type OctetsAsked } from "../mail/range.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { decodeTransfer, isDecoded } from "../mime/decode-transfer.ts";
import { decodedRange } from "./decoded-range.ts";
import { findAccount } from "./find-account.ts";
import { onMessage, refOf, type MessageAsked, type OneMessage } from "./find-message.ts";
import { lending, type Content, type LentStream } from "./lent-stream.ts";
import { toTheEnd } from "./open-raw.ts";

/** `size` is null where it is not known exactly; `range` is null for the whole, also where it is sent instead of a range. */
type Opened = { part: PartFacts; size: number | null; range: ByteRange | null };

type AttachmentAsked = MessageAsked & { attachmentId: string; octets: OctetsAsked };

/** One part of a message, decoded. Fails `not-found` for an attachment that the message has not, `range-not-satisfiable`. */
export const openAttachment =
  (needs: OneMessage) =>
  async (caller: AppCaller, accountId: string, asked: AttachmentAsked): Promise<LentStream<Opened>> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const ref = refOf(needs, account, asked.id);
    const find = (mailbox: Mailbox) =>
      onMessage(needs, mailbox, account, { ...asked, ref }, ({ place }) => open(mailbox, place, asked));
    return lending(needs, account, find, asked.signal);
  };

async function open(
  mailbox: Mailbox,
  place: Place,
  { attachmentId, octets, signal }: AttachmentAsked,
): Promise<{ about: Opened; content: Content }> {
  const section = attachmentId.replace(/^att_/, "");
  const { part, stream } = await mailbox.openAttachment(place, section, (found) => encodedRange(found, octets));
  const size = sizeOf(part);
  const about = { part, size, range: null };
  if (stream === null || octets === "none") return { about, content: null };
  const decoded = decodeTransfer(part.encoding, stream);
  if (octets === "all") return { about, content: decoded };
  if (size !== null) return { about: { ...about, range: resolveRange(octets, size) }, content: decoded };
  const found = await decodedRange(octets, decoded, part.encodedSize, signal);
  if ("whole" in found) return { about, content: found.whole };
  return { about: { part, size: found.size, range: found.range }, content: found.octets };
}

/** Which octets of the part as it is encoded are to be read. */
function encodedRange(part: PartFacts, octets: OctetsAsked): ByteRange | null {
  if (octets === "none") return null;
  const size = sizeOf(part);
  return octets === "all" || size === null ? whole : toTheEnd(resolveRange(octets, size), size);
}

/** Octets once decoded, where that is known beforehand. */
function sizeOf({ encoding, encodedSize }: PartFacts): number | null {
  return isDecoded(encoding) ? null : encodedSize;
}
