import type { Flags } from "../mail/flags.ts";
import type { IntentRow, UidsAt } from "../store/rows.ts";
import { findEntries } from "./snapshot.ts";
import type { FolderTurn, LookNeeds } from "./turn.ts";

type At = { folder: number; uidValidity: number; uid: number };

/** What a message that is moved by us is held under where nothing names it for life: its place before. */
export function placeKey({ folder, uidValidity, uid }: At): string {
  return `place:${folder}/${uidValidity}/${uid}`;
}

export const isPlaceKey = (key: string): boolean => key.startsWith("place:");

/** Where the messages of an intent of ours lay, and where each lies now; null for those of which that is not known. */
function pairs({ source, placed }: IntentRow): { from: At; to: At | null }[] {
  if (source === null) return [];
  return source.uids.map((uid, index) => {
    const there = placed?.uids[index];
    return { from: { ...source, uid }, to: placed && there !== undefined ? { ...placed, uid: there } : null };
  });
}

/** Where a message lay that an intent of ours has put here. */
export function sourceOf(intent: IntentRow, here: At): At | null {
  const isHere = ({ to }: { to: At | null }): boolean => to !== null && placeKey(to) === placeKey(here);
  return pairs(intent).find(isHere)?.from ?? null;
}

/** Where messages that we have put here lay, in folders that are watched. */
export function sourcesOf(intents: IntentRow[], { watched }: Pick<FolderTurn, "watched">, here: At[]): At[] {
  return here.flatMap((at) => {
    const ours = placedBy(intents, at);
    const source = ours && sourceOf(ours, at);
    return source && watched.some(({ number }) => number === source.folder) ? [source] : [];
  });
}

/** Which of these places the snapshots of their folders hold. */
export async function standing(needs: LookNeeds, { account }: FolderTurn, places: At[]): Promise<At[]> {
  const found: At[] = [];
  for (const [folder, some] of Map.groupBy(places, (place) => place.folder)) {
    const chunks = await needs.watches.chunks(account.id, folder);
    const entries = findEntries(
      chunks,
      some.map(({ uid }) => uid),
    );
    found.push(...some.filter(({ uid }) => entries.has(uid)));
  }
  return found;
}

/** Whether it was a removal of ours that took a message, by its key's text, out of a maildrop. */
export function isRemovedByUs(intents: IntentRow[], key: string): boolean {
  return intents.some(({ kind, source }) => kind === "remove" && source?.keys?.includes(key) === true);
}

function includes(uids: UidsAt | null, { folder, uidValidity, uid }: At): boolean {
  return uids !== null && uids.folder === folder && uids.uidValidity === uidValidity && uids.uids.includes(uid);
}

/** What of ours has put a message where it lies; null where nothing of ours has. */
export function placedBy(intents: IntentRow[], at: At): IntentRow | null {
  return intents.find(({ kind, placed }) => kind === "place" && includes(placed, at)) ?? null;
}

/** What of ours has taken a message away, or may be about to; null where nothing has. */
export function takenBy(intents: IntentRow[], at: At): IntentRow | null {
  return intents.find(({ kind, source }) => kind !== "flags" && includes(source, at)) ?? null;
}

/** The UID from which on a folder's new messages may be ours, by a move or an append that is not over; Infinity for none. */
export function heldFrom(intents: IntentRow[], folder: number): number {
  const live = intents.filter((intent) => intent.kind === "place" && !intent.settled && intent.folder === folder);
  return Math.min(Infinity, ...live.map(({ uidNext }) => uidNext ?? 0));
}

/** Whether a change of these flags, and maybe of keywords, is what we did to the message. */
export function isOurChange(
  intents: IntentRow[],
  at: At,
  { flags, now, keywords }: { flags: (keyof Flags)[]; now: Flags; keywords: boolean },
): boolean {
  const ours = intents.flatMap(({ kind, source, change }) =>
    kind === "flags" && includes(source, at) && change !== null ? [change] : [],
  );
  const isOurs = (flag: keyof Flags): boolean => ours.some((change) => change.flags[flag] === now[flag]);
  const namesKeywords = ours.some(({ keywords: { add, remove } }) => add.length + remove.length > 0);
  return ours.length > 0 && flags.every(isOurs) && (!keywords || namesKeywords);
}
