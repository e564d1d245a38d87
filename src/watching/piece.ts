import type { Origin } from "../mail/id.ts";
import type { ThreadNodes } from "../mail/thread.ts";
import type { HeldRow, NewEvent, ThreadChange } from "../store/rows.ts";
import type { Store, WatchChange } from "../store/store.ts";
import type { Entry } from "./entry.ts";
import type { Threaded } from "./thread-messages.ts";

/** What one message's change means: for the log, for the folder's snapshot, and for what is held. */
export type Piece = {
  event: NewEvent | null;
  /** What else is told of it. */
  also?: NewEvent;
  put?: Entry;
  remove?: number;
  hold?: HeldRow;
  /** Moved by us: until the hold is over it stays in the index of threads at its place before, from where its moves can be followed. */
  staysIndexed?: true;
  /** The key of a held message that has turned up, or is given up. */
  unhold?: string;
  /** The place from which it was held. */
  heldFrom?: Origin;
  /** The place of a tracked message that is gone. */
  displaced?: Origin;
  /** A message that is new at a place comes into the index of threads. */
  arrival?: Threaded;
  /** What ties the event's message to others, where it does not arrive anywhere. */
  nodes?: ThreadNodes;
};

/**
 * The places that pieces have the index of threads forget, besides those of the folder that they are about. Of a folder that was rebuilt
 * meanwhile none: it has forgotten them itself, and other messages have their UIDs.
 */
export async function heldFromOf(
  { watches }: { watches: Pick<Store["watches"], "folders"> },
  accountId: string,
  pieces: Piece[],
): Promise<ThreadChange["remove"]> {
  const from = pieces.flatMap(({ heldFrom }) => heldFrom ?? []);
  if (from.length === 0) return [];
  const rows = await watches.folders(accountId);
  const uidValidities = new Map(rows.map(({ folder, uidValidity }) => [folder, uidValidity]));
  const standing = from.filter(({ folder, uidValidity }) => uidValidities.get(folder) === uidValidity);
  const places = Map.groupBy(standing, ({ folder }) => folder);
  return [...places].map(([folder, some]) => ({ folder, uids: some.map(({ uid }) => uid), below: 0 }));
}

/** What pieces write, but for the folder's snapshot and for threads. */
export function writtenOf(pieces: Piece[]): Required<Pick<WatchChange, "events" | "held" | "placements">> {
  return {
    events: pieces.flatMap(({ event, also }) => [event ?? [], also ?? []].flat()),
    held: { put: pieces.flatMap(({ hold }) => hold ?? []), remove: pieces.flatMap(({ unhold }) => unhold ?? []) },
    placements: { remove: pieces.flatMap(({ displaced }) => displaced ?? []) },
  };
}
