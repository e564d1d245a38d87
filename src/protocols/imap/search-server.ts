import type { SearchServer } from "./compile-search.ts";
import type { Session } from "./session.ts";

/**
 * How the session's server searches, as far as it shows. Of Dovecot (known by its X-GUID once a message was seen) substrings are
 * known, but with full-text indexes, which it announces, it finds words; of others nobody knows.
 */
export function searchServer({ guid, has }: Pick<Session, "guid" | "has">): SearchServer {
  return { substrings: guid === "yes" && !has("SEARCH=FUZZY"), gmail: has("X-GM-EXT-1") };
}
