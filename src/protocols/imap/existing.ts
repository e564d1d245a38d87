import type { ImapAttribute } from "imapflow";
import { takesAbsentUids } from "./capabilities.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { expandSet, uidSets } from "./uid-set.ts";
import { atom, numberOf, sequence, stringOf, type Token } from "./wire.ts";

/** No search of ours covers more messages. */
const maxFound = 200_000;

/** UID SEARCH (RFC 9051 §6.4.8) in the selected folder, ascending. `deadline` in milliseconds. */
export async function searchUids(session: Session, criteria: Token[], deadline?: number): Promise<number[]> {
  const options = { keep: ["SEARCH", "ESEARCH"], ...(deadline === undefined ? {} : { deadline }) };
  const reply = await session.exec("UID SEARCH", criteria, options);
  const uids = reply.untagged.flatMap((response) => response.numbers ?? numbersOf(response.attributes ?? []));
  return [...new Set(uids)].filter((uid) => uid > 0).sort((a, b) => a - b);
}

/** The numbers of a SEARCH response, or of an ESEARCH one (RFC 9051 §7.3.4), which names them as a set after ALL. */
function numbersOf(attributes: ImapAttribute[]): number[] {
  const all = attributes.findIndex((attribute) => stringOf(attribute)?.toUpperCase() === "ALL");
  if (all >= 0) return expandSet(stringOf(attributes[all + 1]) ?? "", maxFound) ?? [];
  return attributes.flatMap((attribute) => numberOf(attribute) ?? []);
}

/** Which of these UIDs are in the selected folder now, by what the session has seen of it. */
export async function searchExisting(session: Session, uids: number[]): Promise<Set<number>> {
  const wanted = new Set(uids);
  const found = new Set<number>();
  let isPlain = true;
  for (const set of uidSets(uids)) {
    for (const uid of await searchUids(session, [atom("UID"), sequence(set)])) {
      if (wanted.has(uid)) found.add(uid);
      else isPlain = false;
    }
  }
  if ((found.size === wanted.size && isPlain) || takesAbsentUids(session)) return found;
  // GNU imap4d reads them as sequence numbers: what was found is there, of the rest nothing is known.
  return new Set((await searchUids(session, [atom("ALL")])).filter((uid) => wanted.has(uid)));
}

/**
 * Selects the folder and tells which of the UIDs are there. A session that had the folder open asks for news before it
 * calls a message gone. All are gone when UIDVALIDITY is another.
 */
export async function findExisting(
  session: Session,
  path: string,
  uidValidity: number,
  uids: number[],
): Promise<Set<number>> {
  const wasOpen = session.selected?.path === path;
  const selected = await selectFolder(session, path, { fresh: false });
  if (selected.uidValidity !== uidValidity) return new Set();
  const found = await searchExisting(session, uids);
  if (!wasOpen || found.size === new Set(uids).size) return found;
  await selectFolder(session, path, { fresh: true });
  return searchExisting(session, uids);
}
