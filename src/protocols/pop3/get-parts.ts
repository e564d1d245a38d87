import type { PartOctets } from "../../mail/mailbox.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import { readParts, type PartWanted } from "../../mime/read-parts.ts";
import { type Call, numberOf } from "./call.ts";
import { inTime, openMessage } from "./open-message.ts";

/** Parts of a message, cut out of one RETR as it comes. Fails `message-gone`. */
export async function getParts(call: Call, place: MaildropPlace, wanted: PartWanted[]): Promise<PartOctets[]> {
  if (wanted.length === 0) return [];
  const number = await numberOf(call, place);
  const { octets } = await openMessage(call, number);
  return inTime(call, octets, readParts(octets, wanted));
}
