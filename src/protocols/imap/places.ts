import type { ImapPlace } from "../../mail/message.ts";

export type FolderPlaces = { path: string; uidValidity: number; uids: number[]; places: ImapPlace[] };

/** Places by the folder, and its UIDVALIDITY, that they lie in. */
export function byFolder(places: ImapPlace[]): FolderPlaces[] {
  const folders = new Map<string, FolderPlaces>();
  for (const place of places) {
    const key = `${place.uidValidity} ${place.path}`;
    const folder = folders.get(key) ?? { path: place.path, uidValidity: place.uidValidity, uids: [], places: [] };
    folder.uids.push(place.uid);
    folder.places.push(place);
    folders.set(key, folder);
  }
  return [...folders.values()];
}
