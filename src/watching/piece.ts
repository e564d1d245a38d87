import type { Origin } from "../mail/id.ts";
import type { HeldRow, NewEvent } from "../store/rows.ts";
import type { WatchChange } from "../store/store.ts";
import type { Entry } from "./entry.ts";

/** What one message's change means: for the log, for the folder's snapshot, and for what is held. */
export type Piece = {
  event: NewEvent | null;
  /** What else is told of it. */
  also?: NewEvent;
  put?: Entry;
  remove?: number;
  hold?: HeldRow;
  /** The key of a held message that has turned up, or is given up. */
  unhold?: string;
  /** The place of a tracked message that is gone. */
  displaced?: Origin;
};

/** What pieces write, but for the folder's snapshot. */
export function writtenOf(pieces: Piece[]): Required<Pick<WatchChange, "events" | "held" | "placements">> {
  return {
    events: pieces.flatMap(({ event, also }) => [event ?? [], also ?? []].flat()),
    held: { put: pieces.flatMap(({ hold }) => hold ?? []), remove: pieces.flatMap(({ unhold }) => unhold ?? []) },
    placements: { remove: pieces.flatMap(({ displaced }) => displaced ?? []) },
  };
}
