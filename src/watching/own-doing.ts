import type { Actor } from "../mail/event.ts";
import type { Flags } from "../mail/flags.ts";
import type { IntentRow, UidsAt } from "../store/rows.ts";
import { findEntries } from "./snapshot.ts";
import type { FolderTurn, LookNeeds } from "./turn.ts";

export type At = { folder: number; uidValidity: number; uid: number };

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

/** The places where a message lay before moves of ours have brought it here, the last one first. */
export function pathTo(intents: IntentRow[], here: At): At[] {
  const path: At[] = [];
  // UIDs never come again, so no path goes in circles.
  for (let at: At | null = here; (at = sourceOf(intents, at)) !== null;) path.push(at);
  return path;
}

function sourceOf(intents: IntentRow[], here: At): At | null {
  const ours = placedBy(intents, here);
  const isHere = ({ to }: { to: At | null }): boolean => to !== null && placeKey(to) === placeKey(here);
  return ours === null ? null : (pairs(ours).find(isHere)?.from ?? null);
}

/** Where a message that lay here was brought by moves of ours, as far as that is known: the last place, or where it lay. */
export function endOfPath(intents: IntentRow[], here: At): At {
  const isFrom = ({ from }: { from: At }): boolean => placeKey(from) === placeKey(here);
  const next = intents
    .filter(({ kind }) => kind === "place")
    .flatMap(pairs)
    .find((pair) => isFrom(pair) && pair.to !== null)?.to;
  return next ? endOfPath(intents, next) : here;
}

/** Whether something of ours is not over that moves or removes what lies here. */
export function isCarried(intents: IntentRow[], at: At): boolean {
  return takenBy(intents, at)?.settled === false;
}

/** Whether it was a move of ours, or several, that brought a message from one place to the other. */
export function isMovedByUs(intents: IntentRow[], from: At, to: At): boolean {
  const end = endOfPath(intents, from);
  if (placeKey(end) === placeKey(to)) return true;
  const last = takenBy(intents, end);
  return last?.kind === "place" && last.placed === null && last.folder === to.folder;
}

/** Whose doing it was that a message is gone from here. */
export function whoseRemoval(intents: IntentRow[], at: At): Actor {
  return takenBy(intents, endOfPath(intents, at))?.kind === "remove" ? "api" : "external";
}

/** The places where messages lay before moves of ours have brought them here, in folders that are watched. */
export function pathsTo(intents: IntentRow[], { watched }: Pick<FolderTurn, "watched">, here: At[]): At[] {
  const isWatched = new Set(watched.map(({ number }) => number));
  return here.flatMap((at) => pathTo(intents, at)).filter(({ folder }) => isWatched.has(folder));
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

/** Whether what lies in a folder may be told of some day: it is watched, or too new for that to be known. */
export function mayBeTold({ watched, folders }: Pick<FolderTurn, "watched" | "folders">, folder: number): boolean {
  const isIt = ({ number }: { number: number }): boolean => number === folder;
  return watched.some(isIt) || !folders.some(isIt);
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

/** What of ours has taken a message away, or may be about to: what is over before what is not; null where nothing has. */
export function takenBy(intents: IntentRow[], at: At): IntentRow | null {
  const taking = intents.filter(({ kind, source }) => kind !== "flags" && includes(source, at));
  return taking.find(({ settled }) => settled) ?? taking[0] ?? null;
}

/** The UID from which on a folder's new messages may be ours, by a move or an append that is not over; Infinity for none. */
export function heldFrom(intents: IntentRow[], folder: number): number {
  const live = intents.filter((intent) => intent.kind === "place" && !intent.settled && intent.folder === folder);
  return Math.min(Infinity, ...live.map(({ uidNext }) => uidNext ?? 0));
}

/** How long it may take from a flag change's being told to its being done, milliseconds: longer than a command. */
const changeMs = 60_000;

/**
 * The flag changes of ours that a look may come across which reads flags for the first time since then: what was done before has been told, and
 * whoever does the same once more is another.
 */
export function changesSince(intents: IntentRow[], flagsReadAt: number): IntentRow[] {
  return intents.filter(({ kind, createdAt }) => kind === "flags" && createdAt + changeMs >= flagsReadAt);
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
