import type { ImapPlace } from "../../mail/message.ts";
import { fetchRows } from "./fetch.ts";
import { byFolder } from "./places.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, peek } from "./wire.ts";

/** Octets that one command may bring. */
const maxOctets = 16 * 1024 * 1024;

/** The header blocks of messages, `octets` of each at most, one command for some hundred of a folder; null where one is gone. */
export async function getHeaders(
  session: Session,
  places: ImapPlace[],
  octets: number,
): Promise<(Uint8Array | null)[]> {
  const found = new Map<string, Uint8Array>();
  const nameOf = ({ path, uidValidity, uid }: ImapPlace): string => `${uidValidity} ${uid} ${path}`;
  const items = [atom("UID"), peek("HEADER", { offset: 0, length: octets })];
  const atOnce = Math.max(1, Math.floor(maxOctets / octets));
  for (const { path, uidValidity, uids } of byFolder(places)) {
    const selected = await selectFolder(session, path, { fresh: false });
    if (selected.uidValidity !== uidValidity) continue;
    for (let at = 0; at < uids.length; at += atOnce) {
      for (const set of uidSets(uids.slice(at, at + atOnce))) {
        for (const { uid, sections } of await fetchRows(session, "UID FETCH", set, items, { withKey: false })) {
          const header = sections.get("HEADER")?.octets;
          if (uid !== undefined && header) found.set(nameOf({ path, uidValidity, uid }), header.subarray(0, octets));
        }
      }
    }
  }
  return places.map((place) => found.get(nameOf(place)) ?? null);
}
