import { maildropKeyText } from "../../mail/maildrop.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import { assertInbox, type Call } from "./call.ts";
import { topUntil } from "./top-until.ts";

/**
 * The header blocks of messages, `octets` of each at most, by TOP; null where one is gone, or the server can't read it. Fails
 * `upstream-timeout`.
 */
export async function getHeaders(call: Call, places: MaildropPlace[], octets: number): Promise<(Uint8Array | null)[]> {
  for (const { path } of places) assertInbox(path);
  const texts = places.map(({ key }) => maildropKeyText(key));
  const numbers = await call.maildrop.find(texts, call.until);
  const found = new Map<number, Uint8Array>();
  const wanted = [...new Set(numbers.values())];
  for await (const { number, header } of topUntil(call.session, wanted, { ...call, isKept: false })) {
    if (header) found.set(number, header.slice(0, octets));
  }
  return texts.map((text) => found.get(numbers.get(text) ?? 0) ?? null);
}
