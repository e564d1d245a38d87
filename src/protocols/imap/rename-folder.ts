import { invalid } from "../../errors.ts";
import type { FolderTarget } from "../../mail/mailbox.ts";
import {
  folderExists,
  inboxProtected,
  isInbox,
  isTaken,
  listedAt,
  namedNow,
  placeBelow,
  rawName,
  stepOut,
  whyNotNamed,
} from "./folder-tree.ts";
import { type ListedFolder, listNames, subscribedPaths } from "./list-folders.ts";
import { parentPathOf, personalNamespace } from "./namespace.ts";
import { mailboxName } from "./select-folder.ts";
import type { Session } from "./session.ts";

/**
 * Gives a folder another name or another parent; those below it go along. Answers its raw path now. The subscriptions
 * follow. Fails: `folder-protected` for the inbox, whose RENAME would move its mail out (RFC 9051 §6.3.6); `folder-exists`;
 * `refused-by-server` with the server's words; `not-found`; `validation-failed`.
 */
export async function renameFolder(session: Session, path: string, to: FolderTarget): Promise<string> {
  if (isInbox(path)) throw inboxProtected();
  const before = await listNames(session);
  const folder = listedAt(session, before, path);
  const target = targetOf(session, before, folder, to);
  if (target === path) return path;
  if (folder.delimiter && target.startsWith(path + folder.delimiter)) {
    throw invalid("/parentId", "own-child", "A folder can't lie in itself or in one below it.");
  }
  if (isTaken(before, target)) throw folderExists();

  const subscribed = await subscribedPaths(session);
  await stepOut(session, folder);
  const reply = await session.exec("RENAME", [mailboxName(path), mailboxName(target)], { tolerate: true });
  if (reply.status !== "OK") {
    listedAt(session, await listNames(session), path);
    throw await whyNotNamed(session, "RENAME", reply, target);
  }
  const renamed = namedNow(session, "RENAME", await listNames(session), before, target);
  for (const old of subscribed) {
    if (old !== path && !(folder.delimiter && old.startsWith(path + folder.delimiter))) continue;
    await session.exec("SUBSCRIBE", [mailboxName(renamed + old.slice(path.length))], { tolerate: true });
    await session.exec("UNSUBSCRIBE", [mailboxName(old)], { tolerate: true });
  }
  return renamed;
}

/** What is not named stays as it is on the wire: a raw name that nobody can decode survives a change of parent. */
function targetOf(session: Session, listed: ListedFolder[], folder: ListedFolder, to: FolderTarget): string {
  const { path, delimiter } = folder;
  const cut = delimiter ? path.lastIndexOf(delimiter) : -1;
  const standing = { before: cut < 0 ? "" : path.slice(0, cut + (delimiter?.length ?? 0)), delimiter };
  const place = to.parent === undefined ? standing : placeBelow(session, listed, to.parent);
  const isAtTop =
    to.parent === undefined ? parentPathOf(folder, personalNamespace(session, listed)) === null : to.parent === null;
  const name = path.slice(standing.before.length);
  if (to.name !== undefined) return place.before + rawName(to.name, place, isAtTop);
  if (!place.delimiter || !name.includes(place.delimiter)) return place.before + name;
  throw invalid(
    "/parentId",
    "delimiter",
    `The folder's name holds "${place.delimiter}", which can't stand in a name there.`,
  );
}
