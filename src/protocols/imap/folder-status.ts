import type { ImapResponse } from "imapflow";
import type { FolderStatus } from "../../mail/folder.ts";
import { brokeProtocol } from "./failures.ts";
import { fetchRows } from "./fetch.ts";
import { hasModSeqs, mailboxName, selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { atom, modSeqOf, numberOf, stringOf, uint32Of, type Token } from "./wire.ts";
import { whyNotOpened } from "./why-not-opened.ts";

const plainItems = ["MESSAGES", "UNSEEN", "UIDNEXT", "UIDVALIDITY"];

/**
 * What STATUS is asked for. HIGHESTMODSEQ only by the connection that watches: asked for it, a server begins to keep
 * mod-sequences (RFC 7162 §3.1.2).
 */
export function statusItems(session: Session): Token[] {
  const { watches, takesModSeqStatus } = session;
  const isAsked = watches && takesModSeqStatus && hasModSeqs(session);
  return (isAsked ? [...plainItems, "HIGHESTMODSEQ"] : plainItems).map(atom);
}

/** A folder's UIDVALIDITY, UIDNEXT and counts now (RFC 9051 §6.3.11). Fails: `not-found`. */
export async function folderStatus(session: Session, path: string): Promise<FolderStatus> {
  const status = await askStatus(session, path);
  return status.uidNext === null ? { ...status, uidNext: await nextUidInside(session, path) } : status;
}

/** A folder's UIDNEXT: no message there has it or a higher one now. Fails: `not-found`. */
export async function nextUid(session: Session, path: string): Promise<number> {
  return (await askStatus(session, path)).uidNext ?? (await nextUidInside(session, path));
}

async function askStatus(session: Session, path: string): Promise<FolderStatus> {
  // STATUS of the selected folder may tell what the session has seen of it (§6.3.11): make it see all.
  if (session.selected?.path === path) await session.exec("NOOP", []);
  const args = [mailboxName(path), plainItems.map(atom)];
  const reply = await session.exec("STATUS", args, { keep: ["STATUS"], tolerate: true });
  if (reply.status !== "OK") throw await whyNotOpened(session, "STATUS", path, reply);
  const answers = reply.untagged.flatMap((response) => readStatus(response) ?? []);
  // A server may write the name in another way; of another folder it tells only along with this one.
  const told = answers.find((answer) => answer.path === path) ?? answers[0];
  if (told) return told.status;
  throw brokeProtocol("The mail server did not tell the folder's status.", { host: session.host, phase: "STATUS" });
}

/** Where STATUS tells no UIDNEXT, SELECT may, and else the last message does. Selects the folder. */
async function nextUidInside(session: Session, path: string): Promise<number> {
  const { uidNext, exists } = await selectFolder(session, path, { fresh: true });
  if (uidNext !== null || exists === 0) return uidNext ?? 1;
  const rows = await fetchRows(session, "FETCH", "*", [atom("UID")], { withKey: false });
  const last = rows.find((row) => row.sequence === session.selected?.exists)?.uid;
  if (last !== undefined) return last + 1;
  throw brokeProtocol("The mail server does not tell its messages' UIDs.", { host: session.host, phase: "FETCH" });
}

/** One untagged STATUS response: the raw name it is about, and what it tells; null when it is malformed. */
export function readStatus(
  response: ImapResponse,
): { path: string; status: FolderStatus; mailboxId: string | null } | null {
  const [name] = response.attributes ?? [];
  const path = stringOf(name);
  // GNU imap4d puts no quotes around a name with spaces.
  const items = response.attributes?.findLast((attribute) => Array.isArray(attribute));
  if (path === null || !Array.isArray(items)) return null;
  const told = new Map<string, (typeof items)[number]>();
  for (let i = 0; i + 1 < items.length; i += 2) told.set(stringOf(items[i])?.toUpperCase() ?? "", items[i + 1] ?? null);
  const number = (item: string): number | null => numberOf(told.get(item));
  const id = told.get("MAILBOXID");
  return {
    path,
    status: {
      messages: number("MESSAGES") ?? 0,
      unseen: number("UNSEEN") ?? 0,
      uidValidity: uint32Of(told.get("UIDVALIDITY")) ?? 0,
      uidNext: uint32Of(told.get("UIDNEXT")),
      modSeq: modSeqOf(told.get("HIGHESTMODSEQ")),
    },
    mailboxId: stringOf(Array.isArray(id) ? id[0] : id),
  };
}
