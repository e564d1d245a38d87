import { folderExists, isTaken, namedNow, placeBelow, rawName, whyNotNamed } from "./folder-tree.ts";
import { listNames } from "./list-folders.ts";
import { mailboxName } from "./select-folder.ts";
import type { Session } from "./session.ts";

/**
 * Makes a folder below `parent` (raw path; null: at the top of the user's own folders) and subscribes to it. Answers its
 * raw path, which may be another than asked for: some servers have names of their own.
 * Fails: `folder-exists`; `refused-by-server` with the server's words; `not-found` for the parent; `validation-failed`.
 */
export async function createFolder(session: Session, parent: string | null, name: string): Promise<string> {
  const before = await listNames(session);
  const place = placeBelow(session, before, parent);
  const path = place.before + rawName(name, place, parent === null);
  if (isTaken(before, path)) throw folderExists();

  const reply = await session.exec("CREATE", [mailboxName(path)], { tolerate: true });
  if (reply.status !== "OK") throw await whyNotNamed(session, "CREATE", reply, path);
  const made = namedNow(session, "CREATE", await listNames(session), before, path);
  await session.exec("SUBSCRIBE", [mailboxName(made)], { tolerate: true });
  return made;
}
