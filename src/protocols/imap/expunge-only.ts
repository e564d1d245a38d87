import { searchExisting, searchUids } from "./existing.ts";
import { failure } from "./failures.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, sequence } from "./wire.ts";

/**
 * Removes exactly these messages from the selected folder. A plain EXPUNGE takes along whatever anybody has marked
 * \Deleted, so without UIDPLUS (RFC 4315) the others' marks are taken off for the moment and set again.
 * Fails: `delete-unconfirmed` when some are still there.
 */
export async function expungeOnly(session: Session, uids: number[]): Promise<void> {
  if (session.has("UIDPLUS")) {
    await mark(session, "+FLAGS.SILENT", uids);
    for (const set of uidSets(uids)) await session.exec("UID EXPUNGE", [sequence(set)]);
  } else {
    const ours = new Set(uids);
    const others = (await searchUids(session, [atom("DELETED")])).filter((uid) => !ours.has(uid));
    await mark(session, "-FLAGS.SILENT", others);
    try {
      await mark(session, "+FLAGS.SILENT", uids);
      await session.exec("EXPUNGE", []);
    } finally {
      if (!session.dead) await mark(session, "+FLAGS.SILENT", others);
    }
  }
  const left = await searchExisting(session, uids);
  if (left.size === 0) return;
  const where = { host: session.host, phase: "EXPUNGE" };
  throw failure("delete-unconfirmed", `${left.size} of the messages are still there after the deletion.`, where);
}

async function mark(session: Session, item: "+FLAGS.SILENT" | "-FLAGS.SILENT", uids: number[]): Promise<void> {
  for (const set of uidSets(uids)) {
    await session.exec("UID STORE", [sequence(set), atom(item), [atom("\\Deleted")]]);
  }
}
