import { refusedFolder } from "./folder-tree.ts";
import { mailboxName } from "./select-folder.ts";
import type { Session } from "./session.ts";

/** Subscribes to a folder, or no longer (RFC 9051 §6.3.7, §6.3.8). Fails `refused-by-server`. */
export async function subscribeFolder(session: Session, path: string, subscribed: boolean): Promise<void> {
  const command = subscribed ? "SUBSCRIBE" : "UNSUBSCRIBE";
  const reply = await session.exec(command, [mailboxName(path)], { tolerate: true });
  if (reply.status !== "OK") throw refusedFolder(session, command, reply);
}
