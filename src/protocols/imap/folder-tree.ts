import { Failure, invalid } from "../../errors.ts";
import { brokeProtocol, failure, refusal } from "./failures.ts";
import { encodeFolderName } from "./folder-name.ts";
import { isSelectable, type ListedFolder, listNames } from "./list-folders.ts";
import { personalNamespace } from "./namespace.ts";
import { isPrintable, selectFolder } from "./select-folder.ts";
import type { Reply, Session } from "./session.ts";

/** RFC 9051 §5.1: the name INBOX means the inbox in any case. */
export function isInbox(path: string): boolean {
  return path.toUpperCase() === "INBOX";
}

/** The folder of a raw path among those listed. Fails `not-found`. */
export function listedAt(session: Session, listed: ListedFolder[], path: string): ListedFolder {
  const folder = listed.find((one) => one.path === path);
  if (folder) return folder;
  throw failure("not-found", "The mail server has no such folder.", { host: session.host, phase: "LIST" });
}

/**
 * What stands before the last level of a folder below `parent` (raw path; null: at the top of the user's own folders), and
 * the delimiter there. Fails: `not-found`; `unsupported-by-server` where folders can't lie in folders.
 */
export function placeBelow(
  session: Session,
  listed: ListedFolder[],
  parent: string | null,
): { before: string; delimiter: string | null } {
  if (parent === null) {
    const { prefix, delimiter } = personalNamespace(session, listed);
    return { before: prefix, delimiter };
  }
  const { delimiter } = listedAt(session, listed, parent);
  if (delimiter) return { before: parent + delimiter, delimiter };
  const where = { host: session.host, phase: "LIST" };
  throw failure("unsupported-by-server", "On this mail server a folder can't hold folders.", where);
}

/**
 * A name as a level of a raw path. Fails `validation-failed` where the server would read two levels out of it, and
 * `folder-exists` where it would mean the inbox.
 */
export function rawName(name: string, place: { before: string; delimiter: string | null }, isAtTop: boolean): string {
  const composed = name.normalize("NFC");
  if (!isPrintable(composed) || !composed.isWellFormed()) {
    throw invalid("/name", "control-character", "A folder's name has no control characters and is not empty.");
  }
  if (isAtTop && isInbox(composed)) throw folderExists();
  const raw = encodeFolderName(composed);
  const { delimiter } = place;
  if (!delimiter || !(composed + raw).includes(delimiter)) return raw;
  const detail = `On this mail server a folder's name can't hold "${delimiter}": it stands between the levels of folders.`;
  throw invalid("/name", "delimiter", detail);
}

/** Whether a folder that could hold messages stands at the path; the bare name of a level may be made a folder. */
export function isTaken(listed: ListedFolder[], path: string): boolean {
  return listed.some((folder) => folder.path === path && isSelectable(folder)) || isInbox(path);
}

export function folderExists(): Failure {
  return new Failure("folder-exists", "There is a folder with this name already.", {
    fix: "Choose another name, or use the folder that is there.",
  });
}

export function inboxProtected(): Failure {
  return new Failure("folder-protected", "The inbox can't be renamed, moved or deleted.");
}

/** The raw path that a folder really got: the one asked for, else the only one that is new (not counting what lies below it). */
export function namedNow(
  session: Session,
  phase: string,
  listed: { path: string }[],
  before: { path: string }[],
  path: string,
): string {
  if (listed.some((folder) => folder.path === path)) return path;
  const known = new Set(before.map((folder) => folder.path));
  const [made, ...more] = listed
    .map((folder) => folder.path)
    .filter((one) => !known.has(one))
    .sort();
  if (made !== undefined && more.every((one) => one.startsWith(made))) return made;
  throw brokeProtocol("The mail server said yes, and lists no such folder.", { host: session.host, phase });
}

/** Why CREATE or RENAME to a path was answered NO or BAD; servers without codes are asked whether it exists by now. */
export async function whyNotNamed(session: Session, phase: string, reply: Reply, path: string): Promise<Failure> {
  if (reply.code === "ALREADYEXISTS" || isTaken(await listNames(session), path)) return folderExists();
  return refusedFolder(session, phase, reply, "Choose another name: servers differ in which ones they take.");
}

/** A NO or BAD to a command that is right by itself: the server will not do this with this folder, and says why. */
export function refusedFolder(session: Session, phase: string, reply: Reply, fix?: string): Failure {
  const where = { host: session.host, phase };
  const { code } = reply;
  const told = refusal("NO", code, reply.text, where);
  if (told.code !== "not-found" && told.code !== "refused-by-server") return told;
  const said = { code, text: reply.text };
  return failure(
    "refused-by-server",
    "The mail server refused this change of a folder.",
    where,
    said,
    fix ? { fix } : {},
  );
}

/** Selects something else where the folder, or one below it, is selected: servers may hang up on who is inside. */
export async function stepOut(session: Session, { path, delimiter }: ListedFolder): Promise<void> {
  session.known.forget(path, delimiter);
  const selected = session.selected?.path;
  if (selected === undefined || (selected !== path && !(delimiter && selected.startsWith(path + delimiter)))) return;
  if (session.has("UNSELECT")) {
    session.selected = null;
    await session.exec("UNSELECT", []);
  } else await selectFolder(session, "INBOX", { fresh: false });
}
