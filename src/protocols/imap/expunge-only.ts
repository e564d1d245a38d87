import { Failure } from "../../errors.ts";
import { searchExisting, searchUids } from "./existing.ts";
import { failure } from "./failures.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, sequence, type Token } from "./wire.ts";

/**
 * Removes exactly these messages from the selected folder. A plain EXPUNGE takes along whatever anybody has marked
 * \Deleted, so without UIDPLUS (RFC 4315) the others' marks are taken off for the moment and set again.
 * Fails: `delete-unconfirmed` when some are still there.
 */
export async function expungeOnly(session: Session, uids: number[]): Promise<void> {
  if (session.has("UIDPLUS")) await expungeByUid(session, uids);
  else await aloneIn(session, () => expungeAmongOthers(session, uids));
}

async function expungeByUid(session: Session, uids: number[]): Promise<void> {
  const sets = uidSets(uids);
  const before = new Set<number>();
  for (const set of sets) {
    const marked = [atom("UID"), sequence(set), atom("DELETED")];
    for (const uid of await searchUids(session, marked, { among: new Set(uids) })) before.add(uid);
  }
  await whileMarked(session, uids, before, async () => {
    for (const set of sets) await session.exec("UID EXPUNGE", [sequence(set)]);
  });
}

/**
 * Marks these messages, and makes sure that `expunge` has removed them. Where it has not, the marks that were not there
 * `before` are taken off again: the next EXPUNGE of any client would remove what was told as not removed.
 */
async function whileMarked(
  session: Session,
  uids: number[],
  before: Set<number>,
  expunge: () => Promise<void>,
): Promise<void> {
  try {
    await mark(session, "+", uids);
    await expunge();
    const left = await searchExisting(session, uids);
    if (left.size === 0) return;
    const where = { host: session.host, phase: "EXPUNGE" };
    throw failure("delete-unconfirmed", `${left.size} of the messages are still there after the deletion.`, where);
  } catch (error) {
    if (!session.dead) await unmarkOwn(session, uids, before).catch(() => {});
    throw error;
  }
}

async function unmarkOwn(session: Session, uids: number[], before: Set<number>): Promise<void> {
  const left = await searchExisting(session, uids);
  const own = uids.filter((uid) => left.has(uid) && !before.has(uid));
  await mark(session, "-", own);
}

/** Another session of ours, at the same on the same folder, would take our marks for those of others. */
function aloneIn(session: Session, work: () => Promise<void>): Promise<void> {
  const { path = "", uidValidity = 0 } = session.selected ?? {};
  return session.known(path, uidValidity).alone(work);
}

/**
 * Where nobody else's are marked, nothing of others is touched. Where some are, the answer to "take the marks off" is all
 * that comes before EXPUNGE and "set them again", which go out as one: a connection that breaks leaves mail unmarked at
 * worst, never removed. What another client marks in that round trip, EXPUNGE takes along: without UIDPLUS there is no way
 * around it.
 */
async function expungeAmongOthers(session: Session, uids: number[]): Promise<void> {
  const ours = new Set(uids);
  // A session is told only by the way what others have marked since its last command.
  await session.exec("NOOP", []);
  const before = new Set(await searchUids(session, [atom("DELETED")]));
  await whileMarked(session, uids, before, () => expungeOurs(session, ours, before));
}

async function expungeOurs(session: Session, ours: Set<number>, before: Set<number>): Promise<void> {
  // What is marked only now, a server may have mistaken for one of ours: its mark is taken off for good.
  const marked = (await searchUids(session, [atom("DELETED")])).filter((uid) => !ours.has(uid));
  const others = marked.filter((uid) => before.has(uid));
  if (marked.length === 0) {
    await session.exec("EXPUNGE", []);
    return;
  }
  try {
    await mark(session, "-", marked);
  } catch (error) {
    if (session.dead) throw unmarked(error, others.length);
    await mark(session, "+", others).catch(() => {});
    throw error;
  }
  const [first, ...rest] = uidSets(others);
  try {
    if (first === undefined) await session.exec("EXPUNGE", []);
    else await session.exec("UID STORE", marking("+", first), { ahead: "EXPUNGE" });
    for (const set of rest) await session.exec("UID STORE", marking("+", set));
  } catch (error) {
    throw unmarked(error, others.length);
  }
}

async function mark(session: Session, sign: "+" | "-", uids: number[]): Promise<void> {
  for (const set of uidSets(uids)) await session.exec("UID STORE", marking(sign, set));
}

function marking(sign: "+" | "-", set: string): Token[] {
  return [sequence(set), atom(`${sign}FLAGS.SILENT`), [atom("\\Deleted")]];
}

/** The same failure, told where it leaves others' messages. */
function unmarked(error: unknown, count: number): unknown {
  if (!(error instanceof Failure) || count === 0) return error;
  const what =
    `${error.message} It may be that the deletion happened, and that ${count} other messages which somebody had marked as ` +
    "deleted are not marked any more; none of those was removed.";
  return new Failure(error.code, what, { ...error.details, extra: { ...error.details.extra, unmarked: count } });
}
