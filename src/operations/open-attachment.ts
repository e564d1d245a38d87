import { Failure } from "../errors.ts";
import type { ByteRange, Mailbox } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";
import type { Part } from "../mail/part.ts";
import { resolveRange, type OctetsAsked } from "../mail/range.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { decodeTransfer, isDecoded } from "../mime/decode-transfer.ts";
import { attachments, findPart } from "../mime/walk.ts";
import { decodedRange } from "./decoded-range.ts";
import { findAccount } from "./find-account.ts";
import { onMessage, refOf, type MessageAsked, type OneMessage } from "./find-message.ts";
import { lending, type Content, type LentStream } from "./lent-stream.ts";
import { toTheEnd } from "./open-raw.ts";

/** `size` is null where it is not known exactly; `range` is null for the whole, also where it is sent instead of a range. */
type Opened = { part: Part; size: number | null; range: ByteRange | null };

type AttachmentAsked = MessageAsked & {
  attachmentId: string;
  octets: OctetsAsked;
  /** Aborted when the caller has left: what is waited for ends then. */
  signal: AbortSignal;
};

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
  const part = await findAttachment(mailbox, place, attachmentId);
  const size = isDecoded(part.encoding) ? null : part.encodedSize;
  const whole = { part, size, range: null };
  if (octets === "none") return { about: whole, content: null };
  const decoded = async (): Promise<AsyncIterable<Uint8Array>> =>
    decodeTransfer(part.encoding, await mailbox.openPart(place, part.section));
  if (octets === "all") return { about: whole, content: await decoded() };
  if (size !== null) {
    const range = resolveRange(octets, size);
    const content = await mailbox.openPart(place, part.section, toTheEnd(range, size));
    return { about: { part, size, range }, content };
  }
  const held = await decodedRange(octets, part, decoded, signal);
  if (held === null) return { about: whole, content: await decoded() };
  return { about: { part, size: held.size, range: held.range }, content: held.octets };
}

async function findAttachment(mailbox: Mailbox, place: Place, id: string): Promise<Part> {
  const { structure } = (await mailbox.get(place, { structure: true })).summary;
  const isListed = structure !== null && attachments(structure).some((one) => one.id === id);
  const part = isListed ? findPart(structure, id.replace(/^att_/, "")) : null;
  if (part !== null) return part;
  throw new Failure("not-found", "The message has no attachment with this id.", {
    fix: "GET the message for its attachments.",
  });
}
