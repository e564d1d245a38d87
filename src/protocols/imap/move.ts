import { invalid } from "../../errors.ts";
import type { Moved } from "../../mail/mailbox.ts";
import type { Place } from "../../mail/message.ts";
import { findExisting, searchExisting } from "./existing.ts";
import { expungeOnly } from "./expunge-only.ts";
import { failure } from "./failures.ts";
import { fetchMarks, locatePlaced, type Mark } from "./locate-placed.ts";
import { byFolder } from "./places.ts";
import { mailboxName } from "./select-folder.ts";
import type { Reply, Session } from "./session.ts";
import { expandSet, uidSets } from "./uid-set.ts";
import { numberOf, responseCode, sequence, stringOf } from "./wire.ts";

/**
 * Moves messages of one folder: UID MOVE (RFC 6851), else COPY, a check that it happened, and the removal of exactly ours.
 * `to` comes from COPYUID, else from finding the copies from `uidNext` on (the target's UIDNEXT from before); null where
 * that leaves a doubt. Fails: `not-found` when there is no such target; `delete-unconfirmed` when copies were made and the
 * originals are still there.
 */
export async function move(
  session: Session,
  places: Place[],
  target: string,
  uidNext: number | null,
): Promise<{ moved: Moved[]; missing: Place[] }> {
  const [folder, ...others] = byFolder(places);
  if (!folder) return { moved: [], missing: [] };
  if (others.length > 0) throw invalid("/ids", "several-folders", "The messages of one move lie in one folder.");
  const { path, uidValidity, uids, places: own } = folder;
  const existing = await findExisting(session, path, uidValidity, uids);
  const missing = own.filter(({ uid }) => !existing.has(uid));
  const present = own.filter(({ uid }) => existing.has(uid));
  if (present.length === 0) return { moved: [], missing };
  if (path === target) return { moved: present.map((place) => ({ from: place, to: place })), missing };

  const marks = uidNext === null ? [] : await fetchMarks(session, uidSets([...existing]), existing);
  const to = new Map<number, Place>();
  for (const set of uidSets([...existing])) readCopyUid(await carry(session, set, target), target, to);
  await assertLeft(session, [...existing]);

  const untold = [...existing].filter((uid) => !to.has(uid));
  if (untold.length > 0 && uidNext !== null) {
    const wanted: Mark[] = marks.filter(({ uid }) => untold.includes(uid));
    for (const [uid, place] of await locatePlaced(session, target, uidNext, wanted)) to.set(uid, place);
  }
  return { moved: present.map((from) => ({ from, to: to.get(from.uid) ?? null })), missing };
}

/** Moves or copies one set; the reply has COPYUID where the server tells it. */
async function carry(session: Session, set: string, target: string): Promise<Reply> {
  const command = session.has("MOVE") ? "UID MOVE" : "UID COPY";
  return session.exec(command, [sequence(set), mailboxName(target)], { keep: ["OK"] });
}

/** After MOVE nothing may be left; after COPY the originals are removed here. */
async function assertLeft(session: Session, uids: number[]): Promise<void> {
  if (!session.has("MOVE")) return expungeOnly(session, uids);
  const left = await searchExisting(session, uids);
  if (left.size === 0) return;
  const where = { host: session.host, phase: "UID MOVE" };
  throw failure("delete-unconfirmed", `${left.size} of the messages are still in their folder after the move.`, where);
}

/** COPYUID (RFC 4315 §3) of the tagged answer after COPY, of an untagged OK after MOVE: source UID → place. */
function readCopyUid(reply: Reply, target: string, to: Map<number, Place>): void {
  const told = [reply, ...reply.untagged.map((response) => responseCode(response))].find(
    (candidate) => candidate?.code === "COPYUID",
  );
  if (!told) return;
  const uidValidity = numberOf(told.args[0]);
  const from = expandSet(stringOf(told.args[1]) ?? "", 100_000);
  const copies = expandSet(stringOf(told.args[2]) ?? "", 100_000);
  if (uidValidity === null || !from || !copies || from.length !== copies.length) return;
  for (const [index, uid] of from.entries()) {
    const copy = copies[index];
    if (copy !== undefined) to.set(uid, { path: target, uidValidity, uid: copy });
  }
}
