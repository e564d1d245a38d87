import type { Since } from "../../mail/watch.ts";
import { takesAbsentUids } from "./capabilities.ts";
import { deadlines } from "./deadline.ts";
import { searchExisting, searchUids } from "./existing.ts";
import { knownRanges } from "./known-ranges.ts";
import type { Selected } from "./selected.ts";
import type { Session } from "./session.ts";
import { inSets } from "./uid-set.ts";
import { atom, sequence } from "./wire.ts";

/**
 * Which of the known messages of the selected folder are gone, ascending. `isTold`: the server has told all that have, as
 * VANISHED. `gone` is how many there should be by the count: a server that takes away more is asked for each.
 */
export async function findVanished(
  session: Session,
  folder: Selected,
  since: Since,
  { gone, isTold }: { gone: number; isTold: boolean },
): Promise<number[]> {
  const sets = folder.vanished.splice(0);
  if (isTold && sets.length === 0) return [];
  const known = await since.known();
  if (known.length === 0) return [];
  const isGone = isTold ? inSets(sets) : await searchGone(session, since, known);
  const vanished = known.filter(isGone);
  if (vanished.length <= gone) return vanished;
  const existing = await searchExisting(session, vanished);
  return vanished.filter((uid) => !existing.has(uid));
}

async function searchGone(session: Session, since: Since, known: number[]): Promise<(uid: number) => boolean> {
  const existing = new Set<number>();
  if (takesAbsentUids(session)) {
    const result = session.has("ESEARCH") ? [atom("RETURN"), [atom("ALL")]] : [];
    const among = new Set(known);
    for (const range of await knownRanges(since)) {
      const criteria = [...result, atom("UID"), sequence(range)];
      for (const uid of await searchUids(session, criteria, { deadline: deadlines.search, among })) existing.add(uid);
    }
  } else for (const uid of await searchExisting(session, known)) existing.add(uid);
  return (uid) => !existing.has(uid);
}
