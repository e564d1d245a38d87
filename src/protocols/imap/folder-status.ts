import type { ImapResponse } from "imapflow";
import type { FolderStatus } from "../../mail/folder.ts";
import { brokeProtocol } from "./failures.ts";
import { mailboxName } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { atom, numberOf, stringOf, uint32Of, type Token } from "./wire.ts";

export const statusItems: Token[] = ["MESSAGES", "UNSEEN", "UIDNEXT", "UIDVALIDITY"].map(atom);

/** A folder's UIDVALIDITY, UIDNEXT and counts now (RFC 9051 §6.3.11). Fails: `not-found`. */
export async function folderStatus(session: Session, path: string): Promise<FolderStatus> {
  // STATUS of the selected folder may tell what the session has seen of it (§6.3.11): make it see all.
  if (session.selected?.path === path) await session.exec("NOOP", []);
  const { untagged } = await session.exec("STATUS", [mailboxName(path), statusItems], { keep: ["STATUS"] });
  const told = untagged.map(readStatus).find((answer) => answer !== null);
  if (!told) throw brokeProtocol("The mail server did not tell the folder's status.", where(session));
  return told.status;
}

/** One untagged STATUS response: the raw name it is about, and what it tells; null when it is malformed. */
export function readStatus(
  response: ImapResponse,
): { path: string; status: FolderStatus; mailboxId: string | null } | null {
  const [name, items] = response.attributes ?? [];
  const path = stringOf(name);
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
    },
    mailboxId: stringOf(Array.isArray(id) ? id[0] : id),
  };
}

function where(session: Session): { host: string; phase: string } {
  return { host: session.host, phase: "STATUS" };
}
