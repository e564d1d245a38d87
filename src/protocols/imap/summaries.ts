import type { ImapPlace, Summary } from "../../mail/message.ts";
import { fetchSummaries } from "./fetch-summaries.ts";
import { byFolder } from "./places.ts";
import { selectFolder } from "./select-folder.ts";
import type { Session } from "./session.ts";

/** The messages at these places as they are now, in the order of the places; those that are gone are left out. */
export async function summaries(session: Session, places: ImapPlace[]): Promise<Summary<ImapPlace>[]> {
  const found = new Map<string, Summary<ImapPlace>>();
  const nameOf = ({ path, uidValidity, uid }: ImapPlace): string => `${uidValidity} ${uid} ${path}`;
  for (const { path, uidValidity, uids } of byFolder(places)) {
    const selected = await selectFolder(session, path, { fresh: false });
    if (selected.uidValidity !== uidValidity) continue;
    for (const { summary } of await fetchSummaries(session, { uids })) found.set(nameOf(summary.place), summary);
  }
  return places.flatMap((place) => found.get(nameOf(place)) ?? []);
}
