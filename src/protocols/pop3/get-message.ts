import type { Fetched, Wanted } from "../../mail/mailbox.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import { readMessage } from "../../mime/read-message.ts";
import { type Call, messageGone, numberOf } from "./call.ts";
import { factsOf, listedFields } from "./header-facts.ts";
import { inTime, openMessage } from "./open-message.ts";
import { readHeaders } from "./read-headers.ts";
import { flagsOf, toSummary } from "./summary.ts";
import { topUntil } from "./top-until.ts";

/**
 * A message's summary, header block, MIME tree and text parts, as wanted: from what is kept, by TOP, or by one RETR that is
 * read to its end in constant memory. Fails `message-gone`.
 */
export async function getMessage(call: Call, place: MaildropPlace, wanted: Wanted): Promise<Fetched<MaildropPlace>> {
  const number = await numberOf(call, place);
  const key = call.maildrop.keyOf(number) ?? place.key;
  const flags = (await flagsOf(call, [key]))(key);
  if (wanted.structure === true || wanted.bodies === true) {
    const { octets } = await openMessage(call, number);
    const { structure, header, bodies, size } = await inTime(call, octets, readMessage(octets));
    const told = { key: place.key, size, facts: factsOf(listedFields(header)) };
    return {
      summary: toSummary(told, flags, structure),
      ...(wanted.headers === true && { header }),
      ...(wanted.bodies === true && { bodies }),
    };
  }
  if (wanted.headers === true) {
    const header = await headerOf(call, number);
    const size = (await call.maildrop.sizesOf([number])).get(number) ?? null;
    return { summary: toSummary({ key: place.key, size, facts: factsOf(listedFields(header)) }, flags), header };
  }
  await call.maildrop.identify([number], call.until);
  const [told] = await readHeaders(call, [number]);
  if (!told) throw messageGone();
  if (told.refused) throw told.refused;
  return { summary: toSummary({ ...told, key: place.key }, flags) };
}

async function headerOf(call: Call, number: number): Promise<Uint8Array> {
  for await (const { header, refused } of topUntil(call.session, [number], { ...call, isKept: false })) {
    if (refused) throw refused;
    return header;
  }
  throw messageGone();
}
