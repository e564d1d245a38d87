import { type Failure, invalid } from "../../errors.ts";
import { halfDone } from "../../mail/half-done.ts";
import type { Moved } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { findExisting, searchExisting } from "./existing.ts";
import { expungeOnly } from "./expunge-only.ts";
import { failure } from "./failures.ts";
import { nextUid } from "./folder-status.ts";
import { type Copies, fetchMarks, locatePlaced, type Mark } from "./locate-placed.ts";
import { byFolder, type FolderPlaces } from "./places.ts";
import { mailboxName, selectFolder } from "./select-folder.ts";
import type { Reply, Session } from "./session.ts";
import { expandSet, uidSets } from "./uid-set.ts";
import { atom, responseCode, sequence, stringOf, uint32Of } from "./wire.ts";
import { whyNotOpened } from "./why-not-opened.ts";

/** Messages of one move. */
const maxMoved = 100_000;

/**
 * Moves messages of one folder: UID MOVE (RFC 6851), else COPY, a check that it happened, and the removal of exactly ours.
 * `to` comes from COPYUID, else from finding the copies from `uidNext` on (the target's UIDNEXT from before); null where
 * that leaves a doubt. What a MOVE left behind while it moved others is in neither list.
 * Fails: `not-found` when there is no such target; `refused-by-server`; `delete-unconfirmed` when the originals are still
 * there; `upstream-protocol-error` when the server says that it copied and there is no copy: then nothing is removed. What fails
 * when some may have been moved is `halfDone`.
 */
export async function move(
  session: Session,
  places: ImapPlace[],
  target: string,
  uidNext: number | null,
): Promise<{ moved: Moved[]; missing: ImapPlace[] }> {
  const [folder, ...others] = byFolder(places);
  if (!folder) return { moved: [], missing: [] };
  if (others.length > 0) throw invalid("/ids", "several-folders", "The messages of one move lie in one folder.");
  const isMove = session.has("MOVE");
  const from = uidNext ?? (isMove || folder.path === target ? null : await nextUid(session, target));
  const marks = await findMarked(session, folder);
  const missing = folder.places.filter(({ uid }) => !marks.has(uid));
  const present = folder.places.filter(({ uid }) => marks.has(uid));
  if (present.length === 0) return { moved: [], missing };
  if (folder.path === target) return { moved: present.map((place) => ({ from: place, to: place })), missing };

  const carried = isMove
    ? await moveAway(session, [...marks.values()], target, from)
    : await copyAndRemove(session, folder, [...marks.values()], target, from ?? 1);
  const gone = present.filter(({ uid }) => !carried.left.has(uid));
  return { moved: gone.map((place) => ({ from: place, to: carried.to.get(place.uid) ?? null })), missing };
}

/** Selects the folder; the marks of those messages that are there. */
async function findMarked(session: Session, { path, uidValidity, uids }: FolderPlaces): Promise<Map<number, Mark>> {
  const selected = await selectFolder(session, path, { fresh: false });
  if (selected.uidValidity !== uidValidity) return new Map();
  const marks = await fetchMarks(session, uids);
  const untold = uids.filter((uid) => !marks.has(uid));
  if (untold.length === 0) return marks;
  const existing = await findExisting(session, path, uidValidity, untold);
  const told = await fetchMarks(session, [...existing]);
  // One that is there and can't be had has nothing to be found by.
  for (const uid of existing)
    marks.set(uid, told.get(uid) ?? { uid, mark: `unknown ${uid}`, messageId: `unknown ${uid}`, flags: [] });
  return marks;
}

/** Where messages are now, by their former UID, and which of them have stayed. */
type Carried = { to: Map<number, ImapPlace>; left: Set<number> };

async function moveAway(session: Session, marks: Mark[], target: string, from: number | null): Promise<Carried> {
  const to = new Map<number, ImapPlace>();
  const uids = marks.map(({ uid }) => uid);
  let refused: Reply | null = null;
  for (const set of uidSets(uids)) {
    const reply = await session.exec("UID MOVE", [sequence(set), mailboxName(target)], {
      keep: ["OK"],
      tolerate: true,
    });
    readCopyUid(reply, new Set(uids), target, to);
    if (reply.status === "OK") continue;
    refused = reply;
    break;
  }
  const left = await searchExisting(session, uids).catch((error: unknown) => {
    throw halfDone(error);
  });
  // A MOVE that fails may have moved some (RFC 6851 §3.3).
  if (left.size === uids.length) {
    if (refused) throw await whyNotOpened(session, "UID MOVE", target, refused);
    const where = { host: session.host, phase: "UID MOVE" };
    throw failure("delete-unconfirmed", "The messages are still in their folder after the move.", where);
  }
  const untold = marks.filter(({ uid }) => !left.has(uid) && !to.has(uid));
  if (untold.length > 0 && from !== null) {
    // They are moved also where nobody may look into their new folder.
    const copies = await locatePlaced(session, target, from, untold).catch((error: unknown) => {
      if (session.dead) throw error;
      return null;
    });
    for (const [uid, place] of copies?.places ?? []) to.set(uid, place);
  }
  return { to, left };
}

async function copyAndRemove(
  session: Session,
  { path, uidValidity }: FolderPlaces,
  marks: Mark[],
  target: string,
  from: number,
): Promise<Carried> {
  const to = new Map<number, ImapPlace>();
  const uids = new Set<number>();
  for (const set of uidSets(marks.map(({ uid }) => uid))) {
    const reply = await session.exec("UID COPY", [sequence(set), mailboxName(target)], { tolerate: true });
    if (reply.status !== "OK" && uids.size === 0) throw await whyNotOpened(session, "UID COPY", target, reply);
    // What was copied before is moved all the same: it would stand twice.
    if (reply.status !== "OK") break;
    const copied = new Set(expandSet(set, maxMoved) ?? []);
    readCopyUid(reply, copied, target, to);
    for (const uid of copied) uids.add(uid);
  }
  const left = new Set(marks.map(({ uid }) => uid).filter((uid) => !uids.has(uid)));
  const untold = marks.filter(({ uid }) => uids.has(uid) && !to.has(uid));
  if (untold.length > 0) {
    const { places, absent, unflagged } = await locatePlaced(session, target, from, untold);
    if (absent > 0) throw notCopied(session, absent);
    await addFlags(session, unflagged);
    for (const [uid, place] of places) to.set(uid, place);
    const selected = await selectFolder(session, path, { fresh: false });
    if (selected.uidValidity !== uidValidity) throw notCopied(session, uids.size);
  }
  await expungeOnly(session, [...uids]).catch((error: unknown) => {
    throw halfDone(error);
  });
  return { to, left };
}

/** Some servers copy messages without their flags (RFC 9051 §6.4.7 only asks them to keep those). The copies are selected. */
async function addFlags(session: Session, unflagged: Copies["unflagged"]): Promise<void> {
  const byFlags = Map.groupBy(unflagged, ({ flags }) => [...flags].sort().join(" "));
  for (const copies of byFlags.values()) {
    const flags = copies[0]?.flags ?? [];
    for (const set of uidSets(copies.map(({ uid }) => uid))) {
      const args = [sequence(set), atom("+FLAGS.SILENT"), flags.map(atom)];
      await session.exec("UID STORE", args, { tolerate: true });
    }
  }
}

function notCopied(session: Session, count: number): Failure {
  const what = `The mail server said that it copied the messages, and ${count} copies are not to be found; nothing was removed.`;
  const where = { host: session.host, phase: "UID COPY" };
  return failure("upstream-protocol-error", what, where, {}, { retryable: false });
}

/**
 * COPYUID (RFC 4315 §3) of the tagged answer after COPY, of an untagged OK after MOVE: source UID → place. One that pairs
 * other messages than were asked for, or not one with one, is not believed.
 */
function readCopyUid(reply: Reply, asked: Set<number>, target: string, to: Map<number, ImapPlace>): void {
  const told = [reply, ...reply.untagged.map((response) => responseCode(response))].find(
    (candidate) => candidate?.code === "COPYUID",
  );
  if (!told) return;
  const uidValidity = uint32Of(told.args[0]);
  const from = expandSet(stringOf(told.args[1]) ?? "", maxMoved) ?? [];
  const copies = expandSet(stringOf(told.args[2]) ?? "", maxMoved) ?? [];
  const isPaired = from.length === copies.length && new Set(from).size === new Set(copies).size;
  if (!uidValidity || !isPaired || new Set(from).size < from.length || from.some((uid) => !asked.has(uid))) return;
  for (const [index, uid] of from.entries()) {
    const copy = copies[index];
    if (copy) to.set(uid, { path: target, uidValidity, uid: copy });
  }
}
