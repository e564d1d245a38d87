import type { Flags } from "../mail/flags.ts";
import type { IntentRow, UidsAt } from "../store/rows.ts";

type At = { folder: number; uidValidity: number; uid: number };

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
