import type { Capabilities } from "../../mail/capabilities.ts";
import type { Session } from "./session.ts";

/** What the server can do. Keywords are as the folder that was selected last tells (PERMANENTFLAGS with `\*`). */
export function capabilities(session: Session): Capabilities {
  const permanent = session.selected?.permanentFlags;
  return {
    folders: true,
    move: true,
    keywords: !permanent || permanent.has("\\*") || [...permanent].some((flag) => !flag.startsWith("\\")),
    append: true,
    search: "server",
    push: session.has("IDLE") ? "idle" : "poll",
    flagStorage: "server",
  };
}

/**
 * Whether a UID that is not there may be named, because the server passes over it (RFC 9051 §6.4.9) and tells the right UIDs
 * of what it did. Whoever has UIDPLUS does. GNU imap4d, which has not, takes an absent UID for the last message's and tells
 * sequence numbers as UIDs after STORE: there the UIDs are looked for first, and what became of them is asked.
 */
export function takesAbsentUids(session: Pick<Session, "has">): boolean {
  return session.has("UIDPLUS");
}
