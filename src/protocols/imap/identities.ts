import type { Identity } from "../../mail/mailbox.ts";
import type { ImapPlace } from "../../mail/message.ts";
import { findExisting } from "./existing.ts";
import { fetchRows } from "./fetch.ts";
import { byFolder, type FolderPlaces } from "./places.ts";
import { keyOf, type Row } from "./row.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";
import { uidSets } from "./uid-set.ts";
import { atom, type Token } from "./wire.ts";

/** The size is what a server has to tell before it counts as one without keys. */
const identityItems: Token[] = ["UID", "RFC822.SIZE"].map(atom);

/** The messages at these places, in the order of the places, with their permanent keys; those that are gone are left out. */
export async function identities(session: Session, places: ImapPlace[]): Promise<Identity<ImapPlace>[]> {
  const found = new Map<ImapPlace, Identity<ImapPlace>>();
  for (const folder of byFolder(places)) {
    const rows = await rowsIn(session, folder);
    for (const place of folder.places) {
      const row = rows.get(place.uid);
      if (row !== undefined) found.set(place, { place, key: keyOf(row) });
    }
  }
  return places.flatMap((place) => found.get(place) ?? []);
}

async function rowsIn(session: Session, { path, uidValidity, uids }: FolderPlaces): Promise<Map<number, Row>> {
  const selected = await selectFolder(session, path, { fresh: false });
  if (selected.uidValidity !== uidValidity) return new Map();
  const asked = new Set(uids);
  const rows = new Map<number, Row>();
  const fetch = async (some: Iterable<number>): Promise<void> => {
    for (const set of uidSets([...some])) {
      for (const row of await fetchRows(session, "UID FETCH", set, identityItems, { withKey: true })) {
        if (row.uid !== undefined && asked.has(row.uid)) rows.set(row.uid, row);
      }
    }
  };
  await fetch(asked);
  if (rows.size === asked.size) return rows;
  // They may have come since the session looked, or be there and not be told.
  const untold = [...asked].filter((uid) => !rows.has(uid));
  const there = await findExisting(session, path, uidValidity, untold);
  if (there.size > 0) await fetch(there);
  return rows;
}
