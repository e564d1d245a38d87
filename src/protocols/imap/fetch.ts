import { refusal } from "./failures.ts";
import { type Row, rowsOf } from "./row.ts";
import type { Session } from "./session.ts";
import { atom, sequence, type Token } from "./wire.ts";

/** What a listing tells of a message. */
export const summaryItems: Token[] = ["UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE"].map(
  atom,
);

/** What is asked of a message whose summary the server failed to give. */
export const bareItems: Token[] = ["UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"].map(atom);

/**
 * Fetches items of messages by sequence numbers or UIDs, whatever rows the server answers with (the caller checks which).
 * Asks for the permanent key too where `withKey` is set: EMAILID (RFC 8474), X-GM-MSGID, or Dovecot's X-GUID, which no
 * server announces: it is tried once per session, and the first message seen decides.
 */
export async function fetchRows(
  session: Session,
  command: "FETCH" | "UID FETCH",
  set: string,
  items: Token[],
  { withKey }: { withKey: boolean },
): Promise<Row[]> {
  const key = withKey ? keyItem(session) : null;
  const probes = key === "X-GUID" && session.guid === "unknown";
  const args = [sequence(set), key ? [...items, atom(key)] : items];
  const reply = await session.exec(command, args, { keep: ["FETCH"], tolerate: true });
  if (reply.status === "BAD" && probes) {
    // Only what it answers without the key was refused because of it.
    const rows = await fetchRows(session, command, set, items, { withKey: false });
    session.guid = "no";
    return rows;
  }
  if (reply.status !== "OK" && !isPartial(reply.status, reply.code)) {
    throw refusal(reply.status, reply.code, reply.text, { host: session.host, phase: command });
  }
  const rows = rowsOf(reply.untagged);
  if (probes) {
    const seen = rows.find((row) => row.uid !== undefined && row.size !== undefined);
    if (seen) session.guid = seen.guid === undefined ? "no" : "yes";
  }
  return rows;
}

/** RFC 2180 §4.1: a NO may come with the rows that are left when others were expunged; the caller finds who is missing. */
function isPartial(status: "NO" | "BAD", code: string | null): boolean {
  return status === "NO" && (code === "EXPUNGEISSUED" || code === "EXPUNGED");
}

function keyItem(session: Session): string | null {
  if (session.has("OBJECTID")) return "EMAILID";
  if (session.has("X-GM-EXT-1")) return "X-GM-MSGID";
  return session.guid === "no" ? null : "X-GUID";
}
