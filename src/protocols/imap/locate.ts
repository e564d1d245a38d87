import type { NativeKey, ImapPlace } from "../../mail/message.ts";
import { searchUids } from "./existing.ts";
import { deadlines } from "./deadline.ts";
import { failure } from "./failures.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { atom, text, type Token } from "./wire.ts";

/**
 * The places in one folder that carry a permanent key, lowest UID first. Fails: `unsupported-by-server` when the server no
 * longer knows keys of this kind.
 */
export async function locate(session: Session, path: string, key: NativeKey): Promise<ImapPlace[]> {
  const { uidValidity } = await selectFolder(session, path, { fresh: true });
  const uids = await searchUids(session, criteria(session, key), { deadline: deadlines.search });
  return uids.map((uid) => ({ path, uidValidity, uid }));
}

function criteria(session: Session, { kind, value }: NativeKey): Token[] {
  // oxlint-disable-next-line no-control-regex -- these would end the line
  const isUsable = value !== "" && !/[\u0000-\u0020\u007f]/.test(value);
  if (isUsable && kind === "emailId" && session.has("OBJECTID")) return [atom("EMAILID"), atom(value)];
  if (isUsable && kind === "gmail" && session.has("X-GM-EXT-1")) return [atom("X-GM-MSGID"), atom(value)];
  if (isUsable && kind === "guid" && session.guid !== "no") return [atom("X-GUID"), text(value)];
  const where = { host: session.host, phase: "UID SEARCH" };
  throw failure("unsupported-by-server", "The mail server can't find messages by this kind of key.", where);
}
