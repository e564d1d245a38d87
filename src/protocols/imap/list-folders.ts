import type { ImapResponse } from "imapflow";
import type { FolderRole, NativeFolder } from "../../mail/folder.ts";
import { brokeProtocol, refusal } from "./failures.ts";
import { readStatus, statusItems } from "./folder-status.ts";
import { assignRoles } from "./folder-roles.ts";
import { decodeFolderName } from "./folder-name.ts";
import { parentPathOf, personalNamespace } from "./namespace.ts";
import { isPrintable, mailboxName } from "./select-folder.ts";
import type { Reply, Session } from "./session.ts";
import { atom, stringOf, stringsOf, text, type Token } from "./wire.ts";

/** Far more than people have; each costs a row, and on poor servers a command. */
const maxFolders = 10_000;

/**
 * Milliseconds of asking for one folder's STATUS after the other, where the server has no LIST-STATUS: of the folders that
 * are left then, no counts are told.
 */
const statusBudget = 10_000;

/** A folder as LIST alone tells it; attributes in lower case. */
export type ListedFolder = { path: string; delimiter: string | null; attributes: Set<string> };

/**
 * All folders with their counts: one round trip where the server offers LIST-EXTENDED and LIST-STATUS (RFC 5258, 5819),
 * else LSUB and a STATUS each, for a while. No folder is dropped; one whose STATUS fails or was not asked for has none.
 */
export async function listFolders(
  session: Session,
  roleHints: Partial<Record<FolderRole, string>>,
): Promise<NativeFolder[]> {
  const { reply, isExtended } = await list(session);
  const listed = listedIn(session, reply);
  const statuses = new Map(reply.untagged.flatMap((response) => statusEntry(response)));
  const subscribed = isExtended ? null : await subscribedPaths(session);
  const namespace = personalNamespace(session, listed);
  const askUntil = session.clock.now() + statusBudget;
  const folders: NativeFolder[] = [];
  for (const { path, delimiter, attributes } of listed) {
    const selectable = isSelectable({ path, attributes });
    const isAsked = selectable && session.clock.now() < askUntil;
    const told = statuses.get(path) ?? (isAsked ? await statusOf(session, path) : null);
    const cut = delimiter === null || delimiter === "" ? -1 : path.lastIndexOf(delimiter);
    folders.push({
      path,
      name: decodeFolderName(path.slice(cut < 0 ? 0 : cut + (delimiter?.length ?? 0))),
      parentPath: parentPathOf({ path, delimiter }, namespace),
      delimiter,
      role: null,
      selectable,
      subscribed: subscribed ? subscribed.has(path) : attributes.has("\\subscribed"),
      mailboxId: selectable ? (told?.mailboxId ?? null) : null,
      status: selectable ? (told?.status ?? null) : null,
    });
  }
  const attributesOf = new Map(listed.map(({ path, attributes }) => [path, attributes]));
  return assignRoles(folders, (path) => attributesOf.get(path) ?? new Set(), roleHints);
}

/** What LIST alone tells of all folders: one cheap round trip. */
export async function listNames(session: Session): Promise<ListedFolder[]> {
  return listedIn(session, await session.exec("LIST", [text(""), text("*")], { keep: ["LIST"] }));
}

/** Whether a folder can hold messages and be opened. */
export function isSelectable({ path, attributes }: Pick<ListedFolder, "path" | "attributes">): boolean {
  return !attributes.has("\\noselect") && !attributes.has("\\nonexistent") && isPrintable(path);
}

function listedIn(session: Session, reply: Reply): ListedFolder[] {
  const listed = unique(reply.untagged.flatMap((response) => readList(response) ?? []));
  if (listed.length <= maxFolders) return listed;
  const where = { host: session.host, phase: "LIST" };
  throw brokeProtocol(`The mail server lists more than ${maxFolders} folders.`, where);
}

/** All of LIST's answers; `isExtended` when they say which folders are subscribed, too. */
async function list(session: Session): Promise<{ reply: Reply; isExtended: boolean }> {
  const args = [text(""), text("*")];
  const options = returnOptions(session);
  const keep = ["LIST", "STATUS"];
  // STATUS of the selected folder may tell what the session has seen of it (RFC 9051 §6.3.11): make it see all.
  const news = session.selected !== null;
  if (options.length > 0) {
    const ask = (): Promise<Reply> =>
      session.exec("LIST", [...args, atom("RETURN"), returnOptions(session)], { keep, news, tolerate: true });
    let reply = await ask();
    if (reply.status === "BAD" && session.watches && session.takesModSeqStatus) {
      session.takesModSeqStatus = false;
      reply = await ask();
    }
    if (reply.status === "OK") return { reply, isExtended: true };
    if (reply.status === "NO") throw refusal("NO", reply.code, reply.text, { host: session.host, phase: "LIST" });
  }
  return { reply: await session.exec("LIST", args, { keep, news }), isExtended: false };
}

function returnOptions(session: Session): Token[] {
  if (!session.has("LIST-EXTENDED")) return [];
  return [
    atom("SUBSCRIBED"),
    ...(session.has("SPECIAL-USE") ? [atom("SPECIAL-USE")] : []),
    ...(session.has("LIST-STATUS") ? [atom("STATUS"), allStatusItems(session)] : []),
  ];
}

function allStatusItems(session: Session): Token[] {
  return [...statusItems(session), ...(session.has("OBJECTID") ? [atom("MAILBOXID")] : [])];
}

/** Of a folder told twice the attributes add up. */
function unique(listed: ListedFolder[]): ListedFolder[] {
  const byPath = new Map<string, ListedFolder>();
  for (const folder of listed) {
    const known = byPath.get(folder.path);
    if (known) for (const attribute of folder.attributes) known.attributes.add(attribute);
    else byPath.set(folder.path, folder);
  }
  return [...byPath.values()];
}

function readList({ attributes: tokens }: ImapResponse): ListedFolder | null {
  const [attributes, delimiter, name] = tokens ?? [];
  if (!Array.isArray(attributes) || tokens === undefined || tokens.length < 3) return null;
  // An unquoted NIL is read as nothing; as a folder's name it can only be the name.
  const path = name === null ? "NIL" : stringOf(name);
  if (path === null || path === "") return null;
  const lowerCase = stringsOf(attributes).map((attribute) => attribute.toLowerCase());
  return { path, delimiter: stringOf(delimiter), attributes: new Set(lowerCase) };
}

function statusEntry(response: ImapResponse): [string, NonNullable<ReturnType<typeof readStatus>>][] {
  const told = readStatus(response);
  return told ? [[told.path, told]] : [];
}

/** Null when the server refuses to tell: a folder may be listed and not be there. */
async function statusOf(session: Session, path: string): Promise<ReturnType<typeof readStatus>> {
  const args = [mailboxName(path), allStatusItems(session)];
  const reply = await session.exec("STATUS", args, { keep: ["STATUS"], tolerate: true });
  if (reply.status === "BAD" && session.watches && session.takesModSeqStatus) {
    session.takesModSeqStatus = false;
    return statusOf(session, path);
  }
  return reply.untagged.map(readStatus).find((told) => told !== null) ?? null;
}

/** The raw paths that are subscribed to (LSUB, which servers of IMAP4rev2 still answer). */
export async function subscribedPaths(session: Session): Promise<Set<string>> {
  const reply = await session.exec("LSUB", [text(""), text("*")], { keep: ["LSUB"], tolerate: true });
  return new Set(reply.untagged.flatMap((response) => readList(response)?.path ?? []));
}
