import type { Actor } from "../mail/event.ts";
import type { FlagChange, Flags } from "../mail/flags.ts";
import type { IntentRow, UidsAt, WatchFolderRow } from "../store/rows.ts";
import { findEntries, uidsOf } from "./snapshot.ts";
import type { FolderTurn, LookNeeds } from "./turn.ts";

export type At = { folder: number; uidValidity: number; uid: number };

/** What a message that is moved by us is held under where nothing names it for life: its place before. */
export function placeKey({ folder, uidValidity, uid }: At): string {
  return `place:${folder}/${uidValidity}/${uid}`;
}

export const isPlaceKey = (key: string): boolean => key.startsWith("place:");

/** Where the messages of an intent of ours lay, and where each lies now; null for those of which that is not known. */
function pairs({ source, placed }: IntentRow): { from: At; to: At | null }[] {
  const there = placesOf(placed);
  return placesOf(source).map((from, index) => ({ from, to: there[index] ?? null }));
}

/** A list of intents by the places, as held keys, that they are about. */
type Index = {
  /** Where moves that are over have taken what lay there, and from where they brought what lies there. */
  next: Map<string, At>;
  before: Map<string, At>;
  placed: Map<string, IntentRow>;
  taken: Map<string, IntentRow>;
  changed: Map<string, FlagChange[]>;
};

const indexes = new WeakMap<IntentRow[], Index>();

/** The index of a list that was read, made once: a list may have thousands, and is asked about thousands of messages. */
function indexOf(intents: IntentRow[]): Index {
  const known = indexes.get(intents);
  if (known !== undefined) return known;
  const index: Index = { next: new Map(), before: new Map(), placed: new Map(), taken: new Map(), changed: new Map() };
  for (const intent of intents) {
    const { kind, source, placed, change } = intent;
    if (kind === "place") {
      for (const at of placesOf(placed)) putFirst(index.placed, placeKey(at), intent);
      for (const { from, to } of pairs(intent)) {
        if (to === null) continue;
        putFirst(index.next, placeKey(from), to);
        putFirst(index.before, placeKey(to), from);
      }
    }
    for (const key of placesOf(source).map(placeKey)) {
      if (kind === "flags") index.changed.set(key, [...(index.changed.get(key) ?? []), ...(change ? [change] : [])]);
      else if (rank(intent) > rank(index.taken.get(key))) index.taken.set(key, intent);
    }
  }
  indexes.set(intents, index);
  return index;
}

function placesOf(uids: UidsAt | null): At[] {
  return uids === null ? [] : uids.uids.map((uid) => ({ folder: uids.folder, uidValidity: uids.uidValidity, uid }));
}

function putFirst<T>(map: Map<string, T>, key: string, value: T): void {
  if (!map.has(key)) map.set(key, value);
}

/** Of several that take one message: what is over, then what makes a look wait. */
function rank(intent: IntentRow | undefined): number {
  if (intent === undefined) return 0;
  return intent.settled ? 3 : intent.kind === "place" ? 2 : 1;
}

/** The places where a message lay before moves of ours have brought it here, the last one first. */
export function pathTo(intents: IntentRow[], here: At): At[] {
  return follow(here, indexOf(intents).before);
}

/** Where a message that lay here was brought by moves of ours, as far as that is known: the last place, or where it lay. */
export function endOfPath(intents: IntentRow[], here: At): At {
  return follow(here, indexOf(intents).next).at(-1) ?? here;
}

/** The places that legs lead to one after the other. UIDs never come again; where a server gives them again, a circle has an end. */
function follow(here: At, legs: Map<string, At>): At[] {
  const path: At[] = [];
  for (let at = legs.get(placeKey(here)); at !== undefined && path.length < legs.size; at = legs.get(placeKey(at)))
    path.push(at);
  return path;
}

/** Whether something of ours is not over that moves or removes what lies here. */
export function isCarried(intents: IntentRow[], at: At): boolean {
  return takenBy(intents, at)?.settled === false;
}

/** Whether a move of ours is not over that takes what lies here: where it will be can't be told yet. */
export function isMoving(intents: IntentRow[], at: At): boolean {
  return isCarried(intents, at) && takenBy(intents, at)?.kind === "place";
}

/** Whether a removal of ours is not over that takes what lies here: whose doing it is that it has gone can't be told yet. */
export function isBeingRemoved(intents: IntentRow[], at: At): boolean {
  return isCarried(intents, at) && takenBy(intents, at)?.kind === "remove";
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

/** Which of these places lie below the window of their folder, as its snapshot has it: of them nothing is known any more. */
export async function belowWindow(needs: LookNeeds, { account }: FolderTurn, places: At[]): Promise<At[]> {
  const found: At[] = [];
  for (const [folder, some] of Map.groupBy(places, (place) => place.folder)) {
    const uids = uidsOf(await needs.watches.chunks(account.id, folder));
    // One that is half empty has given up nothing lately.
    const lowest = uids.length * 2 < needs.window ? 0 : (uids[0] ?? 0);
    found.push(...some.filter(({ uid }) => uid < lowest));
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

/** What of ours has put a message where it lies; null where nothing of ours has. */
export function placedBy(intents: IntentRow[], at: At): IntentRow | null {
  return indexOf(intents).placed.get(placeKey(at)) ?? null;
}

/** What of ours has taken a message away, or may be about to: what is over before what is not, moves before removals; null where nothing has. */
export function takenBy(intents: IntentRow[], at: At): IntentRow | null {
  return indexOf(intents).taken.get(placeKey(at)) ?? null;
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

/** Whether we have set flags in a folder that no look may have read since: a server without mod-sequences can't say so afterwards. */
export async function haveSetFlags(
  { intents, clock }: Pick<LookNeeds, "intents" | "clock">,
  { account }: Pick<FolderTurn, "account">,
  { folder, flagsReadAt }: WatchFolderRow,
): Promise<boolean> {
  const ours = changesSince(await intents.list(account.id, clock.now()), flagsReadAt);
  return ours.some((intent) => intent.folder === folder);
}

/** Whether a change of these flags, and maybe of keywords, is what we did to the message. */
export function isOurChange(
  intents: IntentRow[],
  at: At,
  { flags, now, keywords }: { flags: (keyof Flags)[]; now: Flags; keywords: boolean },
): boolean {
  const ours = indexOf(intents).changed.get(placeKey(at)) ?? [];
  const isOurs = (flag: keyof Flags): boolean => ours.some((change) => change.flags[flag] === now[flag]);
  const namesKeywords = ours.some(({ keywords: { add, remove } }) => add.length + remove.length > 0);
  return ours.length > 0 && flags.every(isOurs) && (!keywords || namesKeywords);
}
