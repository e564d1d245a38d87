import type { FlagChange } from "../../mail/flags.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import { assertAlone } from "./assert-alone.ts";
import { type Call, sortPlaces } from "./call.ts";

/**
 * Keeps flags and keywords for the messages that are there, and tells which are not: a maildrop itself knows none. Fails
 * `unsupported-by-server`, with nothing changed, where a message can't be told apart from others.
 */
export async function setFlags(
  call: Call,
  places: MaildropPlace[],
  change: FlagChange,
): Promise<{ missing: MaildropPlace[] }> {
  const { there, missing } = await sortPlaces(call, places);
  assertAlone(call, there);
  // Listings tell flags by the name that the message has now.
  const keys = [...there].map(([number, { key }]) => call.maildrop.keyOf(number) ?? key);
  if (keys.length > 0) await call.kept.flags.change(keys, change);
  return { missing };
}
