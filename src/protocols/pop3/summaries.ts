import { maildropKeyText } from "../../mail/maildrop.ts";
import type { MaildropPlace, Summary } from "../../mail/message.ts";
import { assertInbox, type Call } from "./call.ts";
import { readHeaders } from "./read-headers.ts";
import { flagsOf, toSummary } from "./summary.ts";

/**
 * The messages at these places, in the order of the places, from what is kept of their headers or by TOP; those that are gone
 * are left out, and of one whose header the server can't read only its size and flags are told.
 */
export async function summaries(call: Call, places: MaildropPlace[]): Promise<Summary<MaildropPlace>[]> {
  for (const { path } of places) assertInbox(path);
  const texts = places.map(({ key }) => maildropKeyText(key));
  const numbers = await call.maildrop.find(texts, call.until);
  await call.maildrop.identify([...numbers.values()], call.until);
  const told = new Map((await readHeaders(call, [...new Set(numbers.values())])).map((one) => [one.number, one]));
  const flags = await flagsOf(
    call,
    places.map(({ key }) => key),
  );
  return places.flatMap(({ key }, index) => {
    const number = numbers.get(texts[index] ?? "");
    const one = number === undefined ? undefined : told.get(number);
    return one ? [toSummary({ ...one, key }, flags(key))] : [];
  });
}
