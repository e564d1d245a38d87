import { Failure } from "../../errors.ts";
import { failure } from "./failures.ts";
import { inboxProtected, isInbox, listedAt, refusedFolder, stepOut } from "./folder-tree.ts";
import { isSelectable, type ListedFolder, listNames } from "./list-folders.ts";
import { mailboxName } from "./select-folder.ts";
import type { Session } from "./session.ts";

/**
 * Deletes a folder with its messages, and its subscription. One that has folders below it is left alone: servers differ
 * (RFC 9051 §6.3.5 keeps those below, some delete them too), and nobody named their mail.
 * Fails: `folder-protected`, also for the inbox; `not-found`; `delete-unconfirmed`; `refused-by-server`.
 */
export async function deleteFolder(session: Session, path: string): Promise<void> {
  if (isInbox(path)) throw inboxProtected();
  const listed = await listNames(session);
  const folder = listedAt(session, listed, path);
  if (hasFoldersBelow(listed, folder)) throw holdsFolders();

  await stepOut(session, folder);
  const reply = await session.exec("DELETE", [mailboxName(path)], { tolerate: true });
  const left = await listNames(session);
  if (reply.status !== "OK") {
    if (reply.code === "HASCHILDREN") throw holdsFolders();
    listedAt(session, left, path);
    throw refusedFolder(session, "DELETE", reply);
  }
  await session.exec("UNSUBSCRIBE", [mailboxName(path)], { tolerate: true });
  if (!left.some((one) => one.path === path && isSelectable(one))) return;
  const where = { host: session.host, phase: "DELETE" };
  throw failure("delete-unconfirmed", "The mail server said yes, and the folder is still there.", where);
}

function hasFoldersBelow(listed: ListedFolder[], { path, delimiter }: ListedFolder): boolean {
  if (!delimiter) return false;
  return listed.some((one) => one.path.startsWith(path + delimiter) && !one.attributes.has("\\nonexistent"));
}

function holdsFolders(): Failure {
  return new Failure("folder-protected", "The folder has folders below it.", {
    fix: "Move or delete those first.",
  });
}
