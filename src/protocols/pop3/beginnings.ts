import { Failure } from "../../errors.ts";
import type { PartOctets } from "../../mail/mailbox.ts";
import { maildropKeyText } from "../../mail/maildrop.ts";
import type { MaildropPlace, Summary } from "../../mail/message.ts";
import { readBeginning } from "../../mime/read-beginning.ts";
import { assertInbox, type Call } from "./call.ts";
import { topUntil } from "./top-until.ts";

/** Lines behind the header: 2 kB of base64 with the headers of the parts before it. */
const lines = 50;

/**
 * The first octets of the text that each message begins with, by TOP; nothing of it is kept. Null where there is no text, where
 * the message is gone or can't be read, and for all that TOP does not give in time.
 */
export async function beginnings(
  call: Call,
  messages: Summary<MaildropPlace>[],
  octets: number,
): Promise<(PartOctets | null)[]> {
  const { session, maildrop, until } = call;
  for (const { place } of messages) assertInbox(place.path);
  const texts = messages.map(({ place }) => maildropKeyText(place.key));
  const numbers = await maildrop.find(texts, until);
  const found = new Map<number, PartOctets>();
  const wanted = [...new Set(numbers.values())];
  const source = { host: session.host, top: (some: readonly number[]) => session.topLines(some, lines) };
  try {
    for await (const { number, header } of topUntil(source, wanted, { ...call, isKept: false })) {
      const beginning = header && readBeginning(header, { octets, isWhole: countLines(header) < lines });
      if (beginning) found.set(number, beginning);
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "upstream-timeout") throw error;
  }
  return texts.map((text) => found.get(numbers.get(text) ?? 0) ?? null);
}

/** Lines behind the header, as far as there is one. */
function countLines(raw: Uint8Array): number {
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("latin1");
  const end = /^\r?\n|\n\r?\n/.exec(text);
  return end === null ? Infinity : text.slice(end.index + end[0].length).split("\n").length - 1;
}
