import type { SearchServer } from "./compile-search.ts";
import { fetchRows } from "./fetch.ts";
import type { Session } from "./session.ts";
import { atom } from "./wire.ts";

/**
 * How the session's server searches, as far as it shows. Of Dovecot (known by its X-GUID once a message was seen) substrings are
 * known, but with full-text indexes, which it announces, it finds words; of others nobody knows.
 */
export function searchServer({
  guid,
  has,
  unsearchable,
}: Pick<Session, "guid" | "has" | "unsearchable">): SearchServer {
  return {
    substrings: guid === "yes" && !has("SEARCH=FUZZY"),
    gmail: has("X-GM-EXT-1"),
    // GNU imap4d, which has no UIDPLUS, finds all recent messages by any keyword.
    without: has("UIDPLUS") ? unsearchable : new Set([...unsearchable, "keyword"]),
  };
}

/** Has a session that has seen no message yet look at one, of the selected folder, by which its server shows. */
export async function meetServer(session: Session): Promise<void> {
  const exists = session.selected?.exists ?? 0;
  if (session.guid !== "unknown" || exists === 0 || session.has("OBJECTID") || session.has("X-GM-EXT-1")) return;
  await fetchRows(session, "FETCH", String(exists), ["UID", "RFC822.SIZE"].map(atom), { withKey: true });
}
