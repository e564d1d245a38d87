import type { ByteRange, Mailbox } from "../mail/mailbox.ts";
import type { Place } from "../mail/message.ts";
import { resolveRange, type OctetsAsked } from "../mail/range.ts";
import type { AppCaller } from "../mail/tenant.ts";
import { findAccount } from "./find-account.ts";
import { onMessage, refOf, type MessageAsked, type OneMessage } from "./find-message.ts";
import { lending, type Content, type LentStream } from "./lent-stream.ts";

/** `size` is what the server tells, and null where it does not; `range` is null for the whole. */
type Opened = { size: number | null; range: ByteRange | null };

/** The message as stored, octet for octet. Fails `range-not-satisfiable`. */
export const openRaw =
  (needs: OneMessage) =>
  async (
    caller: AppCaller,
    accountId: string,
    asked: MessageAsked & { octets: OctetsAsked },
  ): Promise<LentStream<Opened>> => {
    const account = await findAccount(needs.accounts, caller, accountId);
    const ref = refOf(needs, account, asked.id);
    const find = (mailbox: Mailbox) =>
      onMessage(needs, mailbox, account, { ...asked, ref }, ({ place }) => open(mailbox, place, asked.octets));
    return lending(needs, account, find, asked.signal);
  };

async function open(mailbox: Mailbox, place: Place, octets: OctetsAsked): Promise<{ about: Opened; content: Content }> {
  const { summary } = await mailbox.get(place, {});
  const size = summary.warnings.includes("size-missing") ? null : summary.size;
  if (octets === "none") return { about: { size, range: null }, content: null };
  const range = octets === "all" || size === null ? null : resolveRange(octets, size);
  const { stream } = await mailbox.openRaw(place, range === null ? undefined : toTheEnd(range, size));
  return { about: { size, range }, content: stream };
}

/** A range that reaches the end is read until the server gives no more, so that a wrong size is found out. */
export function toTheEnd({ start, end }: ByteRange, size: number | null): ByteRange {
  return { start, end: end + 1 === size ? Infinity : end };
}
