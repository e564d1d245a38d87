import type { MaildropKey } from "../../mail/maildrop.ts";
import type { Call } from "./call.ts";

/**
 * The keys of all messages, oldest (lowest number) first: by UIDL alone where the server gives unique-ids; the headers of those
 * without one are read. What turns out not to be there has none.
 */
export async function keys({ maildrop, until }: Call): Promise<MaildropKey[]> {
  await maildrop.identify(maildrop.numbers, until);
  return maildrop.numbers.flatMap((number) => maildrop.keyOf(number) ?? []);
}
