import type { ImapResponse } from "imapflow";
import type { FolderRole, NativeFolder } from "../../mail/folder.ts";
import { brokeProtocol, refusal } from "./failures.ts";
import { readStatus, statusItems } from "./folder-status.ts";
import { assignRoles } from "./folder-roles.ts";
import { decodeFolderName } from "./folder-name.ts";
import { isPrintable, mailboxName } from "./select-folder.ts";
import type { Reply, Session } from "./session.ts";
import { atom, stringOf, stringsOf, text, type Token } from "./wire.ts";

/** Far more than people have; each costs a row, and on poor servers a command. */
const maxFolders = 10_000;

type Listed = { path: string; delimiter: string | null; attributes: Set<string> };

/**
 * All folders with their counts: one round trip where the server offers LIST-EXTENDED and LIST-STATUS (RFC 5258, 5819),
 * else LSUB and a STATUS each. No folder is dropped; one whose STATUS fails has none.
 */
export async function listFolders(
  session: Session,
  roleHints: Partial<Record<FolderRole, string>>,
): Promise<NativeFolder[]> {
  const reply = await list(session);
  const listed = unique(reply.untagged.flatMap((response) => readList(response) ?? []));
  if (listed.length > maxFolders)
    throw brokeProtocol(`The mail server lists more than ${maxFolders} folders.`, {
      host: session.host,
      phase: "LIST",
    });
  const statuses = new Map(reply.untagged.flatMap((response) => statusEntry(response)));
  const subscribed = session.has("LIST-EXTENDED") ? null : await subscribedPaths(session);
  const folders: NativeFolder[] = [];
  for (const { path, delimiter, attributes } of listed) {
    const selectable = !attributes.has("\\noselect") && !attributes.has("\\nonexistent") && isPrintable(path);
    const told = statuses.get(path) ?? (selectable ? await statusOf(session, path) : null);
    const cut = delimiter === null || delimiter === "" ? -1 : path.lastIndexOf(delimiter);
    folders.push({
      path,
      name: decodeFolderName(path.slice(cut < 0 ? 0 : cut + (delimiter?.length ?? 0))),
      parentPath: cut > 0 ? path.slice(0, cut) : null,
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

async function list(session: Session): Promise<Reply> {
  const args = [text(""), text("*")];
  const options = returnOptions(session);
  const keep = ["LIST", "STATUS"];
  if (options.length > 0) {
    const reply = await session.exec("LIST", [...args, atom("RETURN"), options], { keep, tolerate: true });
    if (reply.status === "OK") return reply;
    if (reply.status === "NO") throw refusal("NO", reply.code, reply.text, { host: session.host, phase: "LIST" });
  }
  return session.exec("LIST", args, { keep });
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
  return session.has("OBJECTID") ? [...statusItems, atom("MAILBOXID")] : statusItems;
}

/** Of a folder told twice the attributes add up. */
function unique(listed: Listed[]): Listed[] {
  const byPath = new Map<string, Listed>();
  for (const folder of listed) {
    const known = byPath.get(folder.path);
    if (known) for (const attribute of folder.attributes) known.attributes.add(attribute);
    else byPath.set(folder.path, folder);
  }
  return [...byPath.values()];
}

function readList({ attributes: tokens }: ImapResponse): Listed | null {
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
  return reply.untagged.map(readStatus).find((told) => told !== null) ?? null;
}

async function subscribedPaths(session: Session): Promise<Set<string>> {
  const reply = await session.exec("LSUB", [text(""), text("*")], { keep: ["LSUB"], tolerate: true });
  return new Set(reply.untagged.flatMap((response) => readList(response)?.path ?? []));
}
