import type { MaildropPlace } from "../../mail/message.ts";
import { assertAlone } from "./assert-alone.ts";
import { bestEffort, type Call, sortPlaces } from "./call.ts";

/**
 * Removes exactly these messages for good, and what is kept of them, and tells which were not there. The session is over then,
 * unless there was none to remove. Fails `delete-unconfirmed` where some or all may be gone, else with none removed;
 * `unsupported-by-server` where one can't be told apart from others.
 */
export async function removeMessages(call: Call, places: MaildropPlace[]): Promise<{ missing: MaildropPlace[] }> {
  const { there, missing } = await sortPlaces(call, places);
  if (there.size === 0) return { missing };
  assertAlone(call, there);
  const gone = new Set((await call.session.remove([...there.keys()])).missing);
  const removed = [...there]
    .filter(([number]) => !gone.has(number))
    .flatMap(([number, { key }]) => [key, call.maildrop.keyOf(number) ?? key]);
  await bestEffort(call, call.kept.forget(removed));
  return { missing: [...missing, ...[...there].filter(([number]) => gone.has(number)).map(([, place]) => place)] };
}
