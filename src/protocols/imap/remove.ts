import type { ImapPlace } from "../../mail/message.ts";
import { findExisting } from "./existing.ts";
import { expungeOnly } from "./expunge-only.ts";
import { byFolder } from "./places.ts";
import type { Session } from "./session.ts";

/** Removes exactly these messages for good, and tells which were not there. Fails: `delete-unconfirmed`. */
export async function remove(session: Session, places: ImapPlace[]): Promise<{ missing: ImapPlace[] }> {
  const missing: ImapPlace[] = [];
  for (const { path, uidValidity, uids, places: own } of byFolder(places)) {
    const existing = await findExisting(session, path, uidValidity, uids);
    if (existing.size > 0) await expungeOnly(session, [...existing]);
    missing.push(...own.filter(({ uid }) => !existing.has(uid)));
  }
  return { missing };
}
