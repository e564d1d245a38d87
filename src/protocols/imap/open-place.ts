import { Failure } from "../../errors.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { takesAbsentUids } from "./capabilities.ts";
import { searchExisting } from "./existing.ts";
import { brokeProtocol } from "./failures.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";

export function messageGone(): Failure {
  return new Failure("message-gone", "The message is no longer where it was.");
}

/** Makes the message's folder the selected one. Fails: `message-gone` when its UIDVALIDITY is another by now. */
export async function selectPlace(session: Session, place: ImapPlace): Promise<void> {
  const selected = await selectFolder(session, place.path, { fresh: false });
  if (selected.uidValidity !== place.uidValidity || place.uid < 1) throw messageGone();
}

/**
 * Selects a message's folder and reads what is wanted of the message. Where nothing comes, a session that had the folder
 * open asks for news and reads once more; of a message that is there nevertheless, `readLess` is what is left to try.
 * Fails: `message-gone` when the message or its UIDVALIDITY is gone, `upstream-protocol-error` when it is there but the
 * server does not give it.
 */
export async function openPlace<T>(
  session: Session,
  place: ImapPlace,
  read: () => Promise<T | undefined>,
  readLess: () => Promise<T | undefined> = async () => undefined,
): Promise<T> {
  const wasOpen = session.selected?.path === place.path;
  await selectPlace(session, place);
  const found = await read().catch(async (error: unknown) => {
    // Some servers refuse to be asked for what is not there.
    if (session.dead || takesAbsentUids(session) || (await searchExisting(session, [place.uid])).size > 0) throw error;
    return undefined;
  });
  if (found !== undefined) return found;
  if (wasOpen) {
    await selectFolder(session, place.path, { fresh: true });
    if (takesAbsentUids(session) || (await searchExisting(session, [place.uid])).size > 0) {
      const again = await read();
      if (again !== undefined) return again;
    }
  }
  if (!(await searchExisting(session, [place.uid])).has(place.uid)) throw messageGone();
  const less = await readLess();
  if (less !== undefined) return less;
  throw brokeProtocol("The mail server has the message and does not give it.", {
    host: session.host,
    phase: "UID FETCH",
  });
}
