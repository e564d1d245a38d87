import type { FlagChange } from "../../mail/flags.ts";
import type { MaildropPlace } from "../../mail/message.ts";
import { type Call, sortPlaces } from "./call.ts";

/** Keeps flags and keywords for the messages that are there, and tells which are not: a maildrop itself knows none. */
export async function setFlags(
  call: Call,
  places: MaildropPlace[],
  change: FlagChange,
): Promise<{ missing: MaildropPlace[] }> {
  const { there, missing } = await sortPlaces(call, places);
  const keys = [...there.values()].map(({ key }) => key);
  if (keys.length > 0) await call.kept.flags.change(keys, change);
  return { missing };
}
